"""An account of what a conversion did: for people as a table, for programs as JSON."""

from collections import Counter

from rich.table import Table


class Account:
    """Sentences by topic, each with how often it held; a count of 0 means that it held throughout."""

    def __init__(self) -> None:
        self._said: dict[str, Counter[str]] = {}

    def say(self, topic: str, sentence: str) -> None:
        """What holds for the whole conversion; saying it twice changes nothing."""
        self._said.setdefault(topic, Counter()).setdefault(sentence, 0)

    def count(self, topic: str, sentence: str, times: int = 1) -> None:
        """What held `times` times more."""
        if times:
            self._said.setdefault(topic, Counter())[sentence] += times

    def table(self, title: str) -> Table:
        """A row for each sentence."""
        table = Table(title=title, show_header=False)
        for topic, sentences in self._said.items():
            for number, (sentence, times) in enumerate(sentences.items()):
                table.add_row("" if number else topic, f"{times} x {sentence}" if times else sentence)
        return table

    def as_json(self) -> dict[str, dict[str, int]]:
        """{topic: {sentence: count}}."""
        return {topic: dict(sentences) for topic, sentences in self._said.items()}
