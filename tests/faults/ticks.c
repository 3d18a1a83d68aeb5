/* Sends signals to the thread that it traces, each before a given instruction of Python's.
 *
 * A trace function of CPython's C interface: no Python code runs in it, so that what a signal does happens where the
 * interpreter itself comes to it, and handlers are counted like all else. Counted are instructions in `counted`, a byte for
 * each opcode: those behind which, or within which, the interpreter looks for signals.
 */
#include <signal.h>
#include <stdint.h>
#include <string.h>

typedef struct _object PyObject;
typedef int (*tracer)(PyObject *, PyObject *, int, PyObject *);
extern void PyEval_SetTrace(tracer, PyObject *);
extern int PyObject_SetAttrString(PyObject *, const char *, PyObject *);
extern PyObject *PyFrame_GetCode(PyObject *), *PyCode_GetCode(PyObject *), *PyBool_FromLong(long);
extern int PyFrame_GetLasti(PyObject *);
extern char *PyBytes_AsString(PyObject *);
extern void Py_DecRef(PyObject *);

enum { CALL = 0, OPCODE = 7 };

struct plan { /* as in ticks.py */
    int64_t count, first, gap, sent;
    int32_t number, second;
    unsigned char counted[256];
};

static struct plan *plan;

static void tick(PyObject *frame) {
    PyObject *code = PyFrame_GetCode(frame), *bytes = PyCode_GetCode(code);
    unsigned char opcode = (unsigned char)PyBytes_AsString(bytes)[PyFrame_GetLasti(frame)];
    Py_DecRef(bytes);
    Py_DecRef(code);
    if (!plan->counted[opcode]) return;
    int64_t now = ++plan->count;
    if (now == plan->first) plan->sent++, raise(plan->number);
    if (plan->gap && now == plan->first + plan->gap) plan->sent++, raise(plan->second);
}

static int trace(PyObject *self, PyObject *frame, int what, PyObject *argument) {
    (void)self, (void)argument;
    if (what == CALL) {
        PyObject *yes = PyBool_FromLong(1);
        int failed = PyObject_SetAttrString(frame, "f_trace_opcodes", yes);
        Py_DecRef(yes);
        return failed;
    }
    if (what == OPCODE) tick(frame);
    return 0;
}

/* Begin to count in this thread. *memory* is a plan, shared with who wants to know. */
void begin(void *memory) {
    plan = memory;
    PyEval_SetTrace(trace, (PyObject *)0);
}
