"""Images that several tests run: each is built once for all processes of a test session."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock

from microformer.build import build
from microformer.graph.project import CProject, Image
from microformer.targets import Target, target_record


def shared_image(
    project: CProject, target: Target, place: Path, *, sanitize: bool = False
) -> Image:
    """The image of ``project``, built in ``place`` by whichever test asks first.

    It is known by all that it is made of: another program, board or option is another image.
    """
    made_of = repr((sorted(project.files.items()), target_record(target), sanitize))
    key = hashlib.sha256(made_of.encode()).hexdigest()[:16]
    record = place / f"image-{key}.json"
    with FileLock(place / f"image-{key}.lock"):
        if not record.exists():
            made = build(project, target, place / f"image-{key}", sanitize=sanitize)
            fresh = record.with_suffix(".new")
            fresh.write_text(json.dumps(asdict(made) | {"path": str(made.path)}), "utf-8")
            fresh.replace(record)
    fields = json.loads(record.read_text("utf-8"))
    return Image(**fields | {"path": Path(fields["path"])})
