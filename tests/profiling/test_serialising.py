"""Objects into bytes and back: once each, with their bytes."""

import io
import json
import pickle

import numpy as np
import pytest
import torch

from toolkit.profiling import profile


def events_of(session, kind):
    return [event for event in session.events if event.kind == kind]


def test_bytes_of_what_is_serialised_are_those_of_the_result(tmp_path):
    value = {"a": [1, 2, 3]}
    path = tmp_path / "one"
    with profile(keep="all") as session:
        pickle.loads(pickle.dumps(value))
        json.loads(json.dumps(value))
        with path.open("wb") as file:
            file.write(b"head")
            pickle.dump(value, file)
        with path.open("rb") as file:
            file.seek(4)
            pickle.load(file)
        with path.open("w") as file:
            json.dump(value, file)
        with path.open() as file:
            json.load(file)
    pickled, text = len(pickle.dumps(value)), len(json.dumps(value))
    assert [(one.op, one.nbytes) for one in events_of(session, "serialize")] == [
        ("pickle.dumps", pickled),
        ("pickle.loads", pickled),
        ("json.dumps", text),
        ("json.loads", text),
        ("pickle.dump", pickled),
        ("pickle.load", pickled),
        ("json.dump", text),
        ("json.load", text),
    ]


def test_arrays_and_tensors_are_serialised_once_each(tmp_path):
    array, archive, tensor = tmp_path / "a.npy", tmp_path / "z.npz", tmp_path / "t.pt"
    with profile(keep="all") as session:
        np.save(tmp_path / "a", np.ones(4))
        np.load(array)
        np.savez(archive, one=np.ones(4))
        with np.load(archive) as opened:
            opened["one"]
        torch.save(torch.ones(4), tensor)
        torch.load(tensor)
    sizes = [path.stat().st_size for path in (array, archive, tensor)]
    assert [(one.op, one.nbytes) for one in events_of(session, "serialize")] == [
        ("numpy.save", sizes[0]),
        ("numpy.load", 32),
        ("numpy.savez", sizes[1]),
        ("numpy.load", 0),
        ("numpy.load", 32),
        ("torch.save", sizes[2]),
        ("torch.load", sizes[2]),
    ]


def test_tensors_in_memory_have_their_bytes_too():
    buffer = io.BytesIO()
    with profile(keep="all") as session:
        torch.save(torch.ones(4), buffer)
        buffer.seek(0)
        torch.load(buffer)
    nbytes = len(buffer.getvalue())
    heard = [(one.op, one.nbytes) for one in events_of(session, "serialize")]
    assert heard == [("torch.save", nbytes), ("torch.load", nbytes)]


def test_a_call_that_fails_is_reported_and_fails_as_ever():
    with profile(keep="all") as session, pytest.raises(json.JSONDecodeError):
        json.loads("{")
    (event,) = events_of(session, "serialize")
    assert (event.op, event.nbytes) == ("json.loads", 0)
