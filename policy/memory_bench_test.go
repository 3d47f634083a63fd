package policy

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

// BenchmarkMemory is what the machine takes to read one claim among n: in the
// order of memory, in any order that is known beforehand, and in any order where
// each claim names the next. It is the scale for how a decision grows with n.
func BenchmarkMemory(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		claims, order := make([]claim, n), rand.New(rand.NewPCG(7, uint64(n))).Perm(n)
		copied := make([]claim, n)
		for k, i := range order { // one ring through all of them
			claims[i].session = int32(order[(k+1)%n])
		}
		sum, at := int32(0), int32(0)
		for _, pass := range []struct {
			name string
			run  func()
		}{
			{"copied", func() { copy(copied, claims) }},
			{"in-order", func() {
				for i := range claims {
					sum += claims[i].session
				}
			}},
			{"any-order", func() {
				for _, i := range order {
					sum += claims[i].session
				}
			}},
			{"one-names-the-next", func() {
				for range claims {
					at = claims[at].session
				}
			}},
		} {
			b.Run(fmt.Sprintf("n=%d/%s", n, pass.name), func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				took := median(max(5, 1_000_000/n), func() {}, pass.run)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(took)/float64(n), "ns/claim")
			})
		}
		runtime.KeepAlive(sum + at)
	}
}
