"""Build the book into _build/html: ``python tools/build_book.py``.

`make book` does so if anything that it is made of has changed. This adds six
things to ``jupyter-book build``:

- what the pages load is stored next to them, so that none needs the network;
- chapters run in parallel, and their outputs are kept: a chapter runs again
  when its cells or what they depend on change (tools/dependencies.py);
- pages are made lighter, and widgets get a picture (tools/finish_pages.py);
- the results that tables link to are stored next to the pages, too;
- warnings and failing cells fail the build, also when it is repeated;
- buttons for Binder, Colab, edits and issues are added if the book is published
  from a repository: BOOK_REPOSITORY or GITHUB_REPOSITORY, as ``owner/name``.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from contents import contents
from dependencies import chapter_key
from finish_pages import finish
from jupyter_cache import get_cache
from jupyter_cache.base import JupyterCacheAbstract, ProjectNb
from jupyter_cache.executors import basic
from jupyter_cache.executors.utils import ExecutionResult
from plain_notebooks import make_plain, names
from publish_notebooks import publish

PUBLISHED = "published"
"""The branch with the notebooks that name their repository; see
tools/publish_notebooks.py."""

KEYS = "keys.json"
"""In the cache's folder: what the kept outputs depended on."""


def forget_changed(
    cache: JupyterCacheAbstract,
    notebooks: list[Path],
    keys: dict[str, str],
    doctrees: Path,
) -> None:
    """Drop the kept outputs and pages of chapters whose key has changed."""
    known = cache_keys(cache)
    for path in notebooks:
        if known.get(path.stem) != keys[path.stem]:
            with suppress(KeyError):
                record = cache.match_cache_file(str(path))
                cache.remove_cache(record.pk)
            for page in doctrees.rglob(f"{path.stem}.doctree"):
                page.unlink()  # Sphinx would keep it, as its text is the same


def cache_keys(cache: JupyterCacheAbstract) -> dict[str, str]:
    """The keys of the chapters whose outputs are kept, by their names."""
    file = Path(cache.path) / KEYS
    return json.loads(file.read_text()) if file.exists() else {}


def lay_out_assets(root: Path) -> None:
    """Copy what the pages load to _build/static/vendor."""
    source = root / "book" / "vendor"
    modules = source / "node_modules"
    if not modules.is_dir():
        sys.exit(f"{modules} is missing; `make book` installs it")
    target = root / "_build" / "static" / "vendor"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    # All that MathJax's menu can load, without the combined bundles.
    put_together = shutil.ignore_patterns(
        "tex-*", "mml-*", "node-main.js", "latest.js"
    )
    mathjax = modules / "mathjax" / "es5"
    shutil.copytree(mathjax, target / "mathjax", ignore=put_together)
    shutil.copy2(mathjax / "tex-chtml.js", target / "mathjax")


def lay_out_results(root: Path, target: Path) -> None:
    """Copy the results that tables link to into a folder of the pages."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in results_folder(root).glob("*.json"):
        shutil.copy2(path, target)


def results_folder(root: Path) -> Path:
    """Where chapters read results from."""
    return Path(os.environ.get("NEURAL_ODES_RESULTS") or root / "results")


def derived_config(root: Path, cache: Path, repository: str) -> dict[str, Any]:
    """_config.yml with the cache's folder and the repository's buttons."""
    config = yaml.safe_load((root / "_config.yml").read_text())
    config["execute"]["cache"] = str(cache)
    if repository:
        config["repository"] = {
            "url": f"https://github.com/{repository}",
            "branch": PUBLISHED,
        }
        config["launch_buttons"] = {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        }
        config["html"] |= {
            "use_repository_button": True,
            "use_edit_page_button": True,
            "use_issues_button": True,
        }
    return config


def chapters(root: Path) -> list[Path]:
    """The notebooks in the table of contents, including the first page."""
    paths = [root / f"{name}.ipynb" for name in contents(root)]
    return [path for path in paths if path.exists()]


def in_pairs(notebooks: list[Path]) -> list[Path]:
    """Long and short notebooks in alternation, the longest first.

    On two cores the executor hands them out in pairs, and a pair of long ones
    would run on one core while the other waits.
    """
    left = sorted(notebooks, key=lambda path: path.stat().st_size)
    return [left.pop(-1 if i % 2 == 0 else 0) for i in range(len(left))]


class Worker(basic.ExecutionWorkerLocalMProc):
    """Runs a chapter, once more if its kernel does not start.

    Two kernels that start at the same time can be given the same port.
    """

    @staticmethod
    def execute(
        project_nb: ProjectNb, data: basic.ProcessData
    ) -> ExecutionResult:
        run = basic.ExecutionWorkerLocalMProc.execute
        try:
            return run(project_nb, data)
        except RuntimeError:  # of nbclient; of a cell, it is in the result
            return run(project_nb, data)


class Executor(basic.JupyterExecutorLocalMproc):
    _EXECUTION_WORKER = Worker


def end_with_parent() -> None:
    """Let a forked process end on Ctrl-C, or when its parent is gone.

    Kernels watch the process that started them and end with it.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def end_now(*_: object) -> None:
    """On Ctrl-C; processes that run chapters would first wait for kernels."""
    for child in multiprocessing.active_children():
        child.kill()
    os.write(2, b"interrupted\n")
    os._exit(130)


def run_chapters(root: Path, folder: Path, limit: int) -> None:
    """Run the chapters whose outputs are not kept, in parallel."""
    notebooks = chapters(root)
    keys = {
        path.stem: chapter_key(path, root, results_folder(root))
        for path in notebooks
    }
    cache = get_cache(str(folder))
    forget_changed(cache, notebooks, keys, root / "_build" / ".doctrees")
    records = {}
    for path in in_pairs(notebooks):
        records[str(path)] = cache.add_nb_to_project(str(path)).pk
    logging.basicConfig(format="%(message)s")
    logger = logging.getLogger("chapters")
    logger.setLevel(logging.INFO)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=end_with_parent)
    signal.signal(signal.SIGINT, end_now)
    executor = Executor(cache, logger)
    done = executor.run_and_cache(filter_uris=list(records), timeout=limit)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    failed = done.excepted + done.errored
    for uri in failed:
        record = cache.get_project_record(records[uri])
        print(f"\n{uri} failed:\n{record.traceback or ''}", file=sys.stderr)
        del keys[Path(uri).stem]
    (folder / KEYS).write_text(json.dumps(keys, indent=2))
    if failed:
        sys.exit(f"{len(failed)} of {len(notebooks)} chapters failed")


def build(root: Path, builder: str, repository: str) -> int:
    """Build the book and return the exit status of jupyter-book."""
    # Chapters run in parallel, and their networks are too small for threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    output = root / "_build"
    cache = output / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    lay_out_assets(root)
    config = derived_config(root, cache, repository)
    config_file = output / "_config.yml"
    config_file.write_text(yaml.safe_dump(config, sort_keys=False))
    run_chapters(root, cache, config["execute"]["timeout"])

    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [str(jupyter_book), "build", str(root)]
    command += ["--config", str(config_file), "--path-output", str(root)]
    command += ["--builder", builder, "-W", "-n", "--keep-going"]
    status = subprocess.run(command, check=False).returncode
    if status:
        # Sphinx does not repeat warnings for pages that it has already read.
        shutil.rmtree(output / ".doctrees", ignore_errors=True)
    elif builder == "html":
        # Where no page changed, Sphinx does not update style sheets either.
        styles, shown = root / "book" / "assets", output / "html" / "_static"
        shutil.copytree(styles, shown, dirs_exist_ok=True)
        lay_out_results(root, output / "html" / "results")
        name = repository.partition("/")[2]
        finish(output / "html", f"/{name}/" if name else "/")
        make_downloads(root, output / "html", repository)
        if repository:
            point_edits_to_main(output / "html", repository)
    return status


def make_downloads(root: Path, html: Path, repository: str) -> None:
    """Prepare the notebooks that pages offer, ready to run elsewhere."""
    notebooks = [path for path in chapters(root) if path.suffix == ".ipynb"]
    known = names(root / "book")
    for path in notebooks:
        download = html / "_sources" / path.relative_to(root)
        shutil.copy2(path, download)
        make_plain(download, known)
        if repository:
            commit = os.environ.get("GITHUB_SHA", "main")
            publish(download, repository, commit)


def point_edits_to_main(html: Path, repository: str) -> None:
    """Point edit buttons, unlike launch buttons, to the sources."""
    link = f"https://github.com/{repository}/edit/"
    for page in html.rglob("*.html"):
        text = page.read_text()
        if link + PUBLISHED in text:
            page.write_text(text.replace(link + PUBLISHED, link + "main"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the book.")
    parser.add_argument(
        "--root",
        type=Path,
        default=Path(__file__).resolve().parents[1],
        help="the folder of _config.yml (default: this project)",
    )
    parser.add_argument(
        "--builder", default="html", choices=("html", "linkcheck")
    )
    arguments = parser.parse_args()
    repository = os.environ.get("BOOK_REPOSITORY") or os.environ.get(
        "GITHUB_REPOSITORY", ""
    )
    root = arguments.root.resolve()
    try:
        sys.exit(build(root, arguments.builder, repository))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
