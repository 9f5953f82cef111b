"""How a LeRobotDataset is written."""

from dataclasses import dataclass
from typing import Literal

from shared.errors import ConfigError

STAGE = "exporting to LeRobot"


@dataclass(frozen=True, kw_only=True)
class LeRobotConfig:
    """How pictures are kept, and how large files grow."""

    pictures: Literal["image", "video"] = "image"
    """image: PNG, nothing is lost. video: AV1, about a tenth of the size, and not what the camera saw."""
    video_crf: int = 30
    """Quality of videos: lower is better and larger."""
    task_text: str | None = None
    """The task in words, for policies that read; none means its name."""
    data_file_mb: float = 100.0
    """A data file that would grow beyond this is followed by another."""
    video_file_mb: float = 200.0
    """The same of videos."""

    def __post_init__(self) -> None:
        if not 0 <= self.video_crf <= 63 or min(self.data_file_mb, self.video_file_mb) <= 0:
            cause = f"video_crf is {self.video_crf}, file sizes {self.data_file_mb} and {self.video_file_mb}"
            raise ConfigError(STAGE, cause, "give 0 to 63, and positive sizes")
