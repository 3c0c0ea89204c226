"""Does a book count what a quantum reads, and does the load of the lesson have what it says?"""

from collections import Counter

from toolkit.demos.library import FPS, Book, library_load

MS = 1_000_000


def test_a_book_says_how_many_pages_each_quantum_read():
    book = Book()

    def reading():
        book.read(0)
        yield
        words = [*book.read(1), *book.read(2)]
        yield
        return words  # reads nothing, so it is no quantum of the book

    quanta, words = book.run(reading())
    assert quanta == [1, 2]
    assert words == [*book.read(1), *book.read(2)]


def test_the_load_is_in_order_and_has_all_kinds():
    load = library_load([30, 30], seconds=2, seed=8)
    assert Counter(one.kind for one in load) == {
        "train": 2,
        "frame": 2 * FPS,
        "chat": 6,
        "index": 8,
    }
    assert [one.release_ns for one in load] == sorted(one.release_ns for one in load)
    assert load == library_load([30, 30], seconds=2, seed=8)


def test_a_book_has_the_quanta_that_it_was_cut_into():
    load = library_load([30, 20, 10], seconds=1, seed=8)
    books = [one for one in load if one.kind == "index"]
    assert books[0].quanta_ns == (90 * MS, 60 * MS, 30 * MS)
    assert books[0].release_ns == books[1].release_ns


def test_a_frame_is_due_when_the_next_one_comes():
    frames = [one for one in library_load([60], seconds=1, seed=8) if one.kind == "frame"]
    assert [one.deadline_ns for one in frames[:-1]] == [one.release_ns for one in frames[1:]]
