"""Runs the cases with every program, on loopback, and prints the table of docs/src/sync-compared.md.

    target/tools/venv/bin/python tests/sync/run.py [--portcullis PROGRAM] [--only WORD]... [--tool NAME]... [--json | --write]
"""

import argparse
import json
import pathlib
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True

import cases  # noqa: E402
import tools  # noqa: E402
from lab import Lab  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portcullis", type=pathlib.Path, default=ROOT / "target/debug/portcullis")
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "target/tools/venv/bin", help="where rclone and aws are")
    parser.add_argument("--only", action="append", default=[], help="cases whose title holds this")
    parser.add_argument("--tool", action="append", default=[], help="programs whose name holds this")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    parser.add_argument("--json", action="store_true", help="verdicts as JSON instead of a table")
    return parser.parse_args()


def main():
    given = arguments()
    binaries = tools.binaries(given.portcullis, given.tools)
    chosen = [(n, *one) for n, one in enumerate(cases.CASES, 1) if not given.only or any(word in one[0] for word in given.only)]
    kinds = [kind for kind in tools.ALL if not given.tool or kind.name in given.tool]
    verdicts, versions = {}, {}
    lab = Lab()
    with tempfile.TemporaryDirectory() as scratch:
        for kind in kinds:
            tool = kind(lab, pathlib.Path(scratch) / kind.__name__, binaries)
            try:
                versions[kind.name] = tool.version()
                for number, title, function in chosen:
                    try:
                        verdict = cases.run(lab, tool, number, title, function)
                    except Exception:
                        traceback.print_exc()
                        verdict = "FAILED"
                    verdicts.setdefault(title, {})[kind.name] = verdict
                    print(f"{kind.name}: {title}: {verdict}", file=sys.stderr, flush=True)
            finally:
                tool.close()
    lab.close()
    if given.json:
        print(json.dumps({"versions": versions, "verdicts": verdicts}, indent=1))
    elif given.write:
        write(table(kinds, versions, verdicts))
    else:
        print("\n".join(table(kinds, versions, verdicts)))
    return any("FAILED" in row.values() for row in verdicts.values())


def table(kinds, versions, verdicts):
    lines = ["| case | " + " | ".join(f"{kind.name} {versions[kind.name]}" for kind in kinds) + " |"]
    lines.append("|---" * (len(kinds) + 1) + "|")
    for title, row in verdicts.items():
        cells = ["**LOST**" if row[kind.name] == "LOST" else row[kind.name] for kind in kinds]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


def write(lines):
    page = ROOT / "docs/src/sync-compared.md"
    before, _, rest = page.read_text().partition("<!-- table -->\n")
    _, _, after = rest.partition("<!-- end of the table -->\n")
    page.write_text("\n".join([before + "<!-- table -->", *lines, "<!-- end of the table -->", after]))


if __name__ == "__main__":
    sys.exit(main())
