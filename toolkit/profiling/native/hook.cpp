// The compiled allocator hook as a module of Python; its two parts are beside it.
//
// Built and loaded by hook_building.py and hook.py, which say what of it is private to torch.
#include "tape.h"

namespace downhill {
namespace {

// What Python gets of an exception that C++ has.
template <PyObject* (*Function)(PyObject*)>
PyObject* guarded(PyObject*, PyObject* values) {
  try {
    return Function(values);
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
    return nullptr;
  }
}

PyObject* tuple_of(const Sums& sums) {
  return Py_BuildValue("(LLLLLLL)", sums.allocations, sums.allocated_bytes, sums.frees,
                       sums.freed_bytes, sums.net_bytes, sums.peak_bytes, sums.signature);
}

PyObject* start(PyObject* with_events) {
  const int has_events = PyObject_IsTrue(with_events);
  if (has_events < 0) return nullptr;
  return PyLong_FromLongLong(take_slot() ? hook->start(has_events) : 0);
}

PyObject* resume(PyObject*) { return PyLong_FromLongLong(take_slot() ? hook->resume() : 0); }

PyObject* pause(PyObject*) {
  if (hook && hook->is_open()) hook->pause();
  Py_RETURN_NONE;
}

PyObject* take(PyObject*) {
  PyObject* const taken = PyList_New(0);
  if (!taken || !hook) return taken;
  for (const auto& one : hook->stretches()) {
    const Sums& sums = one.sums;
    PyObject* const row = Py_BuildValue(
        "(LLLLLLLLLLL)", one.start_ns, one.stop_ns, one.ran_ns, one.page_faults, sums.allocations,
        sums.allocated_bytes, sums.frees, sums.freed_bytes, sums.net_bytes, sums.peak_bytes,
        sums.signature);
    if (!row || PyList_Append(taken, row) < 0) {
      Py_XDECREF(row);
      Py_DECREF(taken);
      return nullptr;
    }
    Py_DECREF(row);
  }
  hook->stretches().clear();
  return taken;
}

PyObject* stop(PyObject*) {
  if (!hook || !hook->is_open()) Py_RETURN_NONE;
  const Sums sums = hook->close();
  leave_slot();
  return tuple_of(sums);
}

PyObject* column(const std::vector<int64_t>& values) {
  const auto* const bytes = reinterpret_cast<const char*>(values.data());
  return PyBytes_FromStringAndSize(bytes, static_cast<Py_ssize_t>(8 * values.size()));
}

// Names by number, as Python has them.
PyObject* name_of(int32_t number) {
  static auto* const known = new std::vector<PyObject*>();
  while (known->size() <= static_cast<size_t>(number)) {
    const char* const text = names().at(static_cast<int32_t>(known->size()));
    PyObject* const made =
        PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(std::strlen(text)), "replace");
    if (!made) return nullptr;
    known->push_back(made);
  }
  return Py_NewRef((*known)[static_cast<size_t>(number)]);
}

PyObject* list_of(const Events& events) {
  const auto length = static_cast<Py_ssize_t>(events.name.size());
  PyObject* const called = PyList_New(length);
  for (Py_ssize_t place = 0; called && place < length; ++place) {
    PyObject* const name = name_of(events.name[static_cast<size_t>(place)]);
    if (!name) {
      Py_DECREF(called);
      return nullptr;
    }
    PyList_SET_ITEM(called, place, name);
  }
  if (!called) return nullptr;
  return Py_BuildValue("(NNN)", called, column(events.nbytes), column(events.at_ns));
}

PyObject* stop_events(PyObject*) {
  PyObject* const lists = PyList_New(0);
  if (!lists || !hook || !hook->is_open()) return lists;
  hook->close();
  leave_slot();
  for (size_t place = 0; hook->has_events() && place < hook->lists(); ++place) {
    PyObject* const list = list_of(hook->list(place));
    if (!list || PyList_Append(lists, list) < 0) {
      Py_XDECREF(list);
      Py_DECREF(lists);
      return nullptr;
    }
    Py_DECREF(list);
  }
  return lists;
}

// Whether a profiler of torch can start in this thread.
PyObject* is_free(PyObject*) {
  if (hook && !hook->is_open()) leave_slot();
  return PyBool_FromLong(in_slot() == nullptr);
}

PyObject* quiet_while(PyObject* values) {
  PyObject *torch, *cuda, *stopped, *waits;
  if (!PyArg_ParseTuple(values, "O!O!OO!", &PyDict_Type, &torch, &PyDict_Type, &cuda, &stopped,
                        &PyDict_Type, &waits)) {
    return nullptr;
  }
  Py_XSETREF(of_torch, Py_NewRef(torch));
  Py_XSETREF(of_cuda, Py_NewRef(cuda));
  Py_XSETREF(stops, Py_NewRef(stopped));
  Py_XSETREF(waiting, Py_NewRef(waits));
  Py_RETURN_NONE;
}

// What they answer is said in hook.py.
PyMethodDef functions[] = {{"start", guarded<start>, METH_O, nullptr},
                           {"stop", guarded<stop>, METH_NOARGS, nullptr},
                           {"stop_events", guarded<stop_events>, METH_NOARGS, nullptr},
                           {"resume", guarded<resume>, METH_NOARGS, nullptr},
                           {"pause", guarded<pause>, METH_NOARGS, nullptr},
                           {"take", guarded<take>, METH_NOARGS, nullptr},
                           {"is_free", guarded<is_free>, METH_NOARGS, nullptr},
                           {"quiet_while", guarded<quiet_while>, METH_VARARGS, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

PyModuleDef module = {PyModuleDef_HEAD_INIT, "downhill_hook", nullptr, -1, functions,
                      nullptr,               nullptr,         nullptr, nullptr};

}  // namespace
}  // namespace downhill

PyMODINIT_FUNC PyInit_downhill_hook() {
  using namespace downhill;
  name_emu = PyUnicode_InternFromString("emu");
  name_initialized = PyUnicode_InternFromString("_initialized");
  name_changes = PyUnicode_InternFromString("changes");
  no_name = PyUnicode_InternFromString("");
  PyObject* const made = PyModule_Create(&module);
  if (!made) return nullptr;
  for (auto* const spec : {&noter_spec, &tape_spec}) {
    PyObject* const type = PyType_FromSpec(spec);
    if (!type || PyModule_AddType(made, reinterpret_cast<PyTypeObject*>(type)) < 0) {
      Py_XDECREF(type);
      Py_DECREF(made);
      return nullptr;
    }
    Py_DECREF(type);
  }
  return made;
}
