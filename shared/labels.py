"""Labels: which class a frame belongs to, kept as a reward term of the step that led to it.

The class is a number; 0 says that nothing has been reached. Who said so stands in the term's name: what an
environment says is exact, while a person's word comes late, so frames just before it changes are in doubt.
"""

from shared.step import Step

ENVIRONMENT, OPERATOR = "label_environment", "label_operator"
TERMS = (OPERATOR, ENVIRONMENT)
"""Names of the reward terms; a person's word outweighs the environment's."""


def label_of(step: Step) -> tuple[int, str] | None:
    """The class of what this step led to and the term that says so; None where nobody said anything."""
    for term in TERMS:
        if term in step.reward_terms:
            return int(step.reward_terms[term]), term
    return None
