package policy

import (
	"syscall"
	"time"
	"unsafe"
)

// processorTime is what the calling thread has used of a processor. Unlike the
// time of day it does not run on while a busy machine does something else.
func processorTime() time.Duration {
	const threadClock = 3 // CLOCK_THREAD_CPUTIME_ID
	var t syscall.Timespec
	if _, _, err := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, threadClock, uintptr(unsafe.Pointer(&t)), 0); err != 0 {
		panic(err)
	}
	return time.Duration(t.Nano())
}
