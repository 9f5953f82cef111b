"""Runs inside the environment of the real package: reads a data set frame by frame, or writes one.

usage: real_package.py read ROOT OUT.npz | real_package.py write ROOT OUT.npz PICTURES
"""

import os
import sys
from pathlib import Path

import numpy as np

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("SVT_LOG", "1")


def ffmpeg_folder(root):
    """A folder in which torchcodec finds the FFmpeg that PyAV brings: under plain names, not hashed ones."""
    import av

    libraries = Path(av.__file__).parent.parent / "av.libs"
    folder = root / "ffmpeg"
    folder.mkdir(exist_ok=True)
    for library in ("avcodec", "avdevice", "avfilter", "avformat", "avutil", "swresample", "swscale"):
        for file in libraries.glob(f"lib{library}-*.so.*"):
            major = file.name.partition(".so.")[2].partition(".")[0]
            link = folder / f"lib{library}.so.{major}"
            if not link.exists():
                link.symlink_to(file)
    return f"{folder}:{libraries}"


def with_ffmpeg():
    """Start again with FFmpeg on the loader's path, which is read when a process begins."""
    if "HANDSON_FFMPEG" not in os.environ:
        place = ffmpeg_folder(Path(sys.prefix))
        environment = os.environ | {"HANDSON_FFMPEG": place, "LD_LIBRARY_PATH": place}
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def lerobot_dataset():
    """The class; torchvision's own operators, which a torch for CPUs does not load, are declared first."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        try:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        except RuntimeError:  # they are there
            pass
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    return LeRobotDataset


def read(root, out):
    """Every value of every frame, stacked by feature."""
    data = lerobot_dataset()("handson/test", root=root)
    frames = [data[number] for number in range(len(data))]
    columns = {key: [frame[key] for frame in frames] for key in frames[0]}
    arrays = {
        key.replace("/", "|"): np.array(values)
        if isinstance(values[0], str)
        else np.stack([v.numpy() for v in values])
        for key, values in columns.items()
    }
    statistics = {
        f"stats|{key}|{name}": np.asarray(value)
        for key, found in data.meta.stats.items()
        for name, value in found.items()
    }
    np.savez(out, episodes=data.num_episodes, fps=data.fps, **arrays, **statistics)


def write(root, out, pictures):
    """A data set by the package's own recorder, and what went into it."""
    features = {
        "observation.state": {"dtype": "float32", "shape": (3,), "names": ["x", "y", "z"]},
        "observation.images.front": {
            "dtype": pictures,
            "shape": (64, 96, 3),
            "names": ["height", "width", "channels"],
        },
        "action": {"dtype": "float32", "shape": (2,), "names": ["x", "y"]},
        "next.reward": {"dtype": "float32", "shape": (1,), "names": None},
        "next.done": {"dtype": "bool", "shape": (1,), "names": None},
        "complementary_info.is_intervention": {"dtype": "float32", "shape": (1,), "names": None},
    }
    data = lerobot_dataset().create(
        "handson/test", fps=10, root=root, features=features, use_videos=pictures == "video"
    )
    rng = np.random.default_rng(0)
    kept = {key: [] for key in features}
    for episode in range(3):
        for number in range(5 + episode):
            last = number == 4 + episode
            frame = {
                "observation.state": rng.normal(size=3).astype(np.float32),
                "observation.images.front": picture(rng),
                "action": rng.uniform(-1, 1, 2).astype(np.float32),
                "next.reward": np.array([float(last)], np.float32),
                "next.done": np.array([last]),
                "complementary_info.is_intervention": np.array([float(number % 2)], np.float32),
            }
            for key, value in frame.items():
                kept[key].append(value)
            data.add_frame(frame | {"task": "insert the peg"})
        data.save_episode()
    data.finalize()
    np.savez(out, **{key: np.stack(values) for key, values in kept.items()})


def picture(rng):
    """Smooth enough for a video encoder."""
    rows, columns = np.mgrid[0:64, 0:96]
    waves = [np.sin(rows / 20 + phase) + np.cos(columns / 25 - phase) for phase in rng.uniform(0, 6, 3)]
    return (np.stack(waves, axis=-1) * 50 + 128).astype(np.uint8)


if __name__ == "__main__":
    with_ffmpeg()
    {"read": read, "write": write}[sys.argv[1]](*sys.argv[2:])
