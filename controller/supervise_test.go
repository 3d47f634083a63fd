package controller

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSignsOfLife: the watchdog is fed well before it bites, and not while a
// loop is stuck.
func TestSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan string, 16)
		var stuck atomic.Value
		stuck.Store("")
		s := &supervisor{
			watchdog: 30 * time.Second, log: slog.New(slog.DiscardHandler),
			notify: func(state string) error { told <- state; return nil },
			state:  func() (string, string) { return stuck.Load().(string), "depot is in state normal" },
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.run(ctx); close(ended) }()
		within := func(wait time.Duration) (messages []string) {
			time.Sleep(wait)
			synctest.Wait()
			for len(told) > 0 {
				messages = append(messages, <-told)
			}
			return messages
		}
		require.Equal(t, []string{"READY=1", "STATUS=depot is in state normal", "WATCHDOG=1"}, within(time.Second))
		require.Equal(t, []string{"WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"}, within(30*time.Second))
		stuck.Store("the loop of site depot has not moved")
		require.Equal(t, []string{"STATUS=the loop of site depot has not moved"}, within(time.Minute))
		stuck.Store("")
		require.Equal(t, []string{"STATUS=depot is in state normal", "WATCHDOG=1"}, within(10*time.Second))
		stop()
		<-ended
		require.Equal(t, []string{"STOPPING=1"}, within(0))
	})
}

// TestSystemdIsTold runs the daemon with the socket of a service manager.
func TestSystemdIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", strconv.FormatInt(time.Minute.Microseconds(), 10))
	_, connectors := yard(1)
	cfg := yardConfig(t, connectors)
	cfg.Listen.Webhooks, cfg.Listen.Admin = "127.0.0.1:0", "127.0.0.1:0"
	c, err := New(Options{Config: cfg})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	next := func() string {
		message := make([]byte, 1024)
		require.NoError(t, socket.SetReadDeadline(time.Now().Add(time.Minute)))
		n, err := socket.Read(message)
		require.NoError(t, err)
		return string(message[:n])
	}
	require.Equal(t, "READY=1", next())
	require.Regexp(t, `^STATUS=\S+ is in state (hold|normal)$`, next())
	require.Equal(t, "WATCHDOG=1", next())
	stop()
	require.Equal(t, "STOPPING=1", next())
	require.NoError(t, <-ended)
}
