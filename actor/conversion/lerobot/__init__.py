"""LeRobotDataset v3.0, out and in.

Format as of github.com/huggingface/lerobot 0.4.4 (src/lerobot/datasets); `make test-lerobot` checks by it.
"""
