"""Trunks: networks from a camera frame to a feature map, and where frozen ones get their weights."""
