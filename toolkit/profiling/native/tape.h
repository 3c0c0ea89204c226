// Which scopes and frames began and ended, and when? Written down without any Python that runs cold.
//
// What tape.py does, and where it is said why. A tape is open on one thread at a time, and takes
// what the session is told that it is open for.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <torch/csrc/autograd/graph_task.h>

#include <exception>
#include <vector>

#include "allocations.h"

namespace downhill {

// What the tape looks at by itself: `quiet_while` gives it.
PyObject* of_torch = nullptr;  // the dictionaries of two modules, in which a device shows
PyObject* of_cuda = nullptr;
PyObject* stops = nullptr;    // a deque, in which pauses of the collector show
PyObject* waiting = nullptr;  // a dictionary with those of each thread
PyObject *name_emu, *name_initialized, *name_changes, *no_name;

// How many entries of a stage may be noted still. Names are compared as objects: one that is made
// anew each time is not known, and takes the long way.
struct Allowed {
  PyObject *stage, *pipeline;
  long left;
};

struct Tape {
  PyObject_HEAD
  PyObject *sink, *plan, *thread;  // while it is open; the last is its number
  bool is_even;
  long changes;
  long long frame, until_ns;
  std::vector<PyObject*>* notes;   // owned
  std::vector<PyObject*>* opened;  // in `notes`, or taken from there together
  std::vector<Allowed>* allowed;
};

constexpr size_t longest = 256;
constexpr size_t most_stages = 64;

thread_local Tape* open_tape = nullptr;

Tape* as_tape(PyObject* self) { return reinterpret_cast<Tape*>(self); }

// What is no number of a frame is one that nobody noted: it takes the long way.
long long number_of(PyObject* index) {
  const long long number = PyLong_AsLongLong(index);
  if (number == -1) PyErr_Clear();
  return number;
}

// A scope is a tuple: stage, frame, pipeline.
PyObject* stage_of(PyObject* scope) { return PyTuple_GET_ITEM(scope, 0); }
long long frame_of(PyObject* scope) { return number_of(PyTuple_GET_ITEM(scope, 1)); }
PyObject* pipeline_of(PyObject* scope) { return PyTuple_GET_ITEM(scope, 2); }

// Where to count down; nullptr where no entry is allowed.
Allowed* find_allowed(const Tape* tape, PyObject* stage, PyObject* pipeline) {
  for (auto& one : *tape->allowed) {
    if (one.stage == stage && one.pipeline == pipeline) return one.left > 0 ? &one : nullptr;
  }
  return nullptr;
}

// Whether nothing came up in the stretch under way, so that it is only noted.
bool is_quiet(const Tape* tape) {
  if (!of_torch || !hook || !hook->is_open() || hook->has_events()) return false;
  if (PyObject_Size(stops)) return false;
  if (PyDict_GET_SIZE(waiting) && PyDict_GetItemWithError(waiting, tape->thread)) return false;
  if (PyDict_GetItemWithError(of_torch, name_emu)) return false;
  return PyDict_GetItemWithError(of_cuda, name_initialized) == Py_False;
}

bool has_room(const Tape* tape) { return tape->notes->size() < longest && is_quiet(tape); }

bool enter(Tape* tape, PyObject* scope) {
  if (tape->frame < 0 || frame_of(scope) != tape->frame) return false;
  Allowed* const allowed = find_allowed(tape, stage_of(scope), pipeline_of(scope));
  if (!allowed || !has_room(tape) || torch::autograd::get_current_graph_task_id() >= 0) {
    return false;
  }
  --allowed->left;
  hook->turn();
  tape->notes->push_back(Py_NewRef(scope));
  tape->opened->push_back(scope);
  return true;
}

bool leave(Tape* tape, PyObject* scope) {
  if (tape->opened->empty() || tape->opened->back() != scope || !is_quiet(tape)) return false;
  hook->turn();
  tape->notes->push_back(Py_NewRef(Py_None));
  tape->opened->pop_back();
  return true;
}

// Whether the next frame is like this one. -1: an error.
int goes_on(const Tape* tape, long long frame) {
  if (tape->frame != frame || !tape->opened->empty() || !tape->is_even) return 0;
  PyObject* const changes = PyObject_GetAttr(tape->plan, name_changes);
  if (!changes) return -1;
  const long now = PyLong_AsLong(changes);
  Py_DECREF(changes);
  if (now == -1 && PyErr_Occurred()) return -1;
  return now == tape->changes && has_room(tape);
}

int note_frame(Tape* tape, long long note, long long frame) {
  PyObject* const number = PyLong_FromLongLong(note);
  if (!number) return -1;
  hook->part();
  tape->notes->push_back(number);
  tape->frame = frame;
  return 1;
}

int begin(Tape* tape, long long index) {
  Allowed* const allowed = find_allowed(tape, no_name, no_name);
  if (!allowed || index < 0) return 0;
  const int is_next = goes_on(tape, -1);
  if (is_next <= 0) return is_next;
  --allowed->left;
  return note_frame(tape, index, index);
}

int end(Tape* tape, long long index) {
  const int is_next = goes_on(tape, index);
  if (is_next <= 0) return is_next;
  if (read_ns(wall_clock) > tape->until_ns) return 0;
  return note_frame(tape, ~index, -1);
}

// Has the tape of this thread take note; answers what Python is told.
template <typename What, typename Of>
PyObject* told(What what, PyObject* sink, Of of) {
  Tape* const tape = open_tape;
  if (!tape || tape->sink != sink) Py_RETURN_FALSE;
  try {
    const int noted = what(tape, of);
    return noted < 0 ? nullptr : PyBool_FromLong(noted);
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
    return nullptr;
  }
}

bool is_scope(PyObject* scope) { return PyTuple_Check(scope) && PyTuple_GET_SIZE(scope) == 3; }

template <bool (*What)(Tape*, PyObject*)>
PyObject* told_scope(PyObject* sink, PyObject* scope) {
  if (!is_scope(scope)) Py_RETURN_FALSE;
  return told(What, sink, scope);
}

// For whoever hears of scopes and frames: one for each session.
struct Noter {
  PyObject_HEAD
  PyObject* sink;
  unsigned long home;  // the thread on which frames are noted
};

Noter* as_noter(PyObject* self) { return reinterpret_cast<Noter*>(self); }

bool is_home(PyObject* self) { return as_noter(self)->home == PyThread_get_thread_ident(); }

PyObject* noter_new(PyTypeObject* type, PyObject* values, PyObject*) {
  PyObject* sink = nullptr;
  unsigned long home = 0;
  if (!PyArg_ParseTuple(values, "Ok", &sink, &home)) return nullptr;
  PyObject* const self = type->tp_alloc(type, 0);
  if (!self) return nullptr;
  as_noter(self)->sink = Py_NewRef(sink);
  as_noter(self)->home = home;
  return self;
}

// A session may hold what holds its noter: the collector has to see it.
int noter_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as_noter(self)->sink);
  return 0;
}

int noter_clear(PyObject* self) {
  Py_CLEAR(as_noter(self)->sink);
  return 0;
}

void noter_dealloc(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  noter_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

template <bool (*What)(Tape*, PyObject*)>
PyObject* noter_scope(PyObject* self, PyObject* scope) {
  return told_scope<What>(as_noter(self)->sink, scope);
}

template <int (*What)(Tape*, long long)>
PyObject* noter_frame(PyObject* self, PyObject* index) {
  if (!is_home(self)) Py_RETURN_FALSE;
  return told(What, as_noter(self)->sink, number_of(index));
}

PyMethodDef noter_methods[] = {{"scope_begin", noter_scope<enter>, METH_O, nullptr},
                               {"scope_end", noter_scope<leave>, METH_O, nullptr},
                               {"frame_begin", noter_frame<begin>, METH_O, nullptr},
                               {"frame_end", noter_frame<end>, METH_O, nullptr},
                               {nullptr, nullptr, 0, nullptr}};

PyType_Slot noter_slots[] = {{Py_tp_new, reinterpret_cast<void*>(noter_new)},
                             {Py_tp_dealloc, reinterpret_cast<void*>(noter_dealloc)},
                             {Py_tp_traverse, reinterpret_cast<void*>(noter_traverse)},
                             {Py_tp_clear, reinterpret_cast<void*>(noter_clear)},
                             {Py_tp_methods, noter_methods},
                             {0, nullptr}};

PyType_Spec noter_spec = {"downhill_hook.Noter", sizeof(Noter), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, noter_slots};

PyObject* tape_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* const self = type->tp_alloc(type, 0);
  if (!self) return nullptr;
  Tape* const tape = as_tape(self);
  tape->frame = -1;
  tape->notes = new std::vector<PyObject*>();
  tape->opened = new std::vector<PyObject*>();
  tape->allowed = new std::vector<Allowed>();
  tape->notes->reserve(longest);
  tape->opened->reserve(longest);
  tape->allowed->reserve(most_stages);
  return self;
}

PyObject* tape_close(PyObject* self, PyObject*) {
  Tape* const tape = as_tape(self);
  if (open_tape == tape) open_tape = nullptr;
  Py_CLEAR(tape->sink);
  Py_CLEAR(tape->plan);
  Py_CLEAR(tape->thread);
  Py_RETURN_NONE;
}

PyObject* tape_forget(PyObject* self, PyObject*) {
  for (const auto& one : *as_tape(self)->allowed) {
    Py_DECREF(one.stage);
    Py_DECREF(one.pipeline);
  }
  as_tape(self)->allowed->clear();
  Py_RETURN_NONE;
}

void tape_dealloc(PyObject* self) {
  Tape* const tape = as_tape(self);
  PyTypeObject* const type = Py_TYPE(self);
  Py_XDECREF(tape_close(self, nullptr));
  Py_XDECREF(tape_forget(self, nullptr));
  for (PyObject* const one : *tape->notes) Py_DECREF(one);
  delete tape->notes;
  delete tape->opened;
  delete tape->allowed;
  type->tp_free(self);
  Py_DECREF(type);
}

// open(sink, plan, is_even, frame, until_ns)
PyObject* tape_open(PyObject* self, PyObject* values) {
  Tape* const tape = as_tape(self);
  PyObject *sink, *plan;
  int is_even;
  if (!PyArg_ParseTuple(values, "OOpLL", &sink, &plan, &is_even, &tape->frame, &tape->until_ns)) {
    return nullptr;
  }
  PyObject* const changes = PyObject_GetAttr(plan, name_changes);
  if (!changes) return nullptr;
  tape->changes = PyLong_AsLong(changes);
  Py_DECREF(changes);
  if (tape->changes == -1 && PyErr_Occurred()) return nullptr;
  PyObject* const thread = PyLong_FromUnsignedLong(PyThread_get_thread_ident());
  if (!thread) return nullptr;
  tape->is_even = is_even;
  Py_XSETREF(tape->thread, thread);
  Py_XSETREF(tape->sink, Py_NewRef(sink));
  Py_XSETREF(tape->plan, Py_NewRef(plan));
  open_tape = tape;
  Py_RETURN_NONE;
}

// allow(pipeline, stage, entries)
PyObject* tape_allow(PyObject* self, PyObject* values) {
  Tape* const tape = as_tape(self);
  PyObject *stage, *pipeline;
  long entries;
  if (!PyArg_ParseTuple(values, "UUl", &pipeline, &stage, &entries)) return nullptr;
  for (auto& one : *tape->allowed) {
    if (one.stage == stage && one.pipeline == pipeline) {
      one.left = entries;
      Py_RETURN_NONE;
    }
  }
  if (tape->allowed->size() >= most_stages) Py_XDECREF(tape_forget(self, nullptr));
  tape->allowed->push_back({Py_NewRef(stage), Py_NewRef(pipeline), entries});
  Py_RETURN_NONE;
}

// hear(sink, event)
PyObject* tape_hear(PyObject* self, PyObject* values) {
  Tape* const tape = as_tape(self);
  PyObject *sink, *event;
  if (!PyArg_ParseTuple(values, "OO", &sink, &event)) return nullptr;
  if (open_tape != tape || tape->sink != sink || tape->notes->size() >= longest) Py_RETURN_FALSE;
  tape->notes->push_back(Py_NewRef(event));
  Py_RETURN_TRUE;
}

PyObject* tape_take(PyObject* self, PyObject*) {
  Tape* const tape = as_tape(self);
  PyObject* const taken = PyList_New(static_cast<Py_ssize_t>(tape->notes->size()));
  if (!taken) return nullptr;
  for (size_t place = 0; place < tape->notes->size(); ++place) {
    PyList_SET_ITEM(taken, static_cast<Py_ssize_t>(place), (*tape->notes)[place]);
  }
  tape->notes->clear();
  tape->opened->clear();
  return taken;
}

template <bool (*What)(Tape*, PyObject*)>
PyObject* tape_scope(PyObject*, PyObject* values) {
  PyObject *sink, *scope;
  if (!PyArg_ParseTuple(values, "OO", &sink, &scope)) return nullptr;
  return told_scope<What>(sink, scope);
}

template <int (*What)(Tape*, long long)>
PyObject* tape_frame(PyObject*, PyObject* values) {
  PyObject *sink, *index;
  if (!PyArg_ParseTuple(values, "OO", &sink, &index)) return nullptr;
  return told(What, sink, number_of(index));
}

PyMethodDef tape_methods[] = {
    {"open", tape_open, METH_VARARGS, nullptr},
    {"close", tape_close, METH_NOARGS, nullptr},
    {"allow", tape_allow, METH_VARARGS, nullptr},
    {"forget", tape_forget, METH_NOARGS, nullptr},
    {"take", tape_take, METH_NOARGS, nullptr},
    {"enter", tape_scope<enter>, METH_VARARGS, nullptr},
    {"leave", tape_scope<leave>, METH_VARARGS, nullptr},
    {"begin", tape_frame<begin>, METH_VARARGS, nullptr},
    {"end", tape_frame<end>, METH_VARARGS, nullptr},
    {"hear", tape_hear, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr}};

PyMemberDef tape_members[] = {
    {"until_ns", T_LONGLONG, offsetof(Tape, until_ns), 0, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyType_Slot tape_slots[] = {{Py_tp_new, reinterpret_cast<void*>(tape_new)},
                            {Py_tp_dealloc, reinterpret_cast<void*>(tape_dealloc)},
                            {Py_tp_methods, tape_methods},
                            {Py_tp_members, tape_members},
                            {0, nullptr}};

PyType_Spec tape_spec = {"downhill_hook.Tape", sizeof(Tape), 0, Py_TPFLAGS_DEFAULT, tape_slots};

}  // namespace downhill
