#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws the CSV files of bandwidth_curves as SVG, without any library: plot_bandwidth.py CSV_DIRECTORY OUT_DIRECTORY"""
import csv
import os
import sys

WIDTH, LEFT, RIGHT, TOP = 900, 60, 20, 34
PANELS = [  # title, height, unit, [(column, label, colour)], least top of the axis
    ("bitrate", 190, "kbit/s", [("capacity_kbps", "link", "#999999"), ("estimate_kbps", "estimate", "#1f77b4"),
                                ("sent_kbps", "sent", "#2ca02c")], 100),
    ("queue", 90, "ms", [("queue_ms", "queueing delay", "#d62728")], 50),
    ("layers", 70, "layer", [("spatial", "size (-1: nothing)", "#9467bd"), ("temporal", "smoothness", "#c5b0d5")], 2),
]
GAP = 26


def nice(top):
    step = 1
    while top / step > 5:
        step *= 2 if str(step)[0] in "15" else 2.5
    return int(step) if step == int(step) else step


def line(rows, column, x_of, y_of, colour, steps):
    points, before = [], None
    for row in rows:
        x, y = x_of(float(row["t_s"])), y_of(float(row[column]))
        if steps and before is not None:
            points.append(f"{x:.1f},{before:.1f}")
        points.append(f"{x:.1f},{y:.1f}")
        before = y
    return f'<polyline fill="none" stroke="{colour}" stroke-width="1.4" points="{" ".join(points)}"/>'


def draw(name, rows):
    seconds = float(rows[-1]["t_s"]) + 0.1
    x_of = lambda t: LEFT + t / seconds * (WIDTH - LEFT - RIGHT)
    out, top = [], TOP
    for _, height, unit, lines, least in PANELS:
        low = -1 if unit == "layer" else 0
        high = max([least] + [float(row[c]) for row in rows for c, _, _ in lines])
        y_of = lambda v, t=top, h=height, lo=low, hi=high: t + h - (v - lo) / (hi - lo) * h
        step, value = nice(high - low), low
        while value <= high:
            out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y_of(value):.1f}" y2="{y_of(value):.1f}" stroke="#e5e5e5"/>'
                       f'<text x="{LEFT - 6}" y="{y_of(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
            value += step
        x = LEFT
        for column, label, colour in lines:
            out.append(line(rows, column, x_of, y_of, colour, unit == "layer" or column == "capacity_kbps"))
            out.append(f'<rect x="{x}" y="{top - 13}" width="10" height="3" fill="{colour}"/>'
                       f'<text x="{x + 14}" y="{top - 8}">{label}, {unit}</text>')
            x += 150
        top += height + GAP
    t = 0
    while t <= seconds:
        out.append(f'<text x="{x_of(t):.1f}" y="{top - 6}" text-anchor="middle">{t:g} s</text>')
        t += nice(seconds)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + 4}" font-family="sans-serif" font-size="11">'
            f'<rect width="100%" height="100%" fill="white"/><title>{name}</title>\n' + "\n".join(out) + "\n</svg>\n")


def main():
    source, target = sys.argv[1:3]
    os.makedirs(target, exist_ok=True)
    for entry in sorted(os.listdir(source)):
        if not entry.endswith(".csv"):
            continue
        with open(os.path.join(source, entry), encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        name = entry[:-4]
        with open(os.path.join(target, f"bandwidth-{name}.svg"), "w", encoding="utf-8") as file:
            file.write(draw(name, rows))


main()
