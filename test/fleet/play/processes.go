package play

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// process is a program that is started, killed and started again.
type process struct {
	name, path string
	args       []string
	env        []string
	log        string
	cmd        *exec.Cmd
	done       chan struct{}
	frozen     atomic.Bool // it is stopped, and answers nobody
}

// start starts it. It ends with this process at the latest.
func (p *process) start() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = append(os.Environ(), p.env...), log, log
	p.cmd.SysProcAttr = dieWithParent()
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait()
		close(done)
	}(p.cmd, p.done)
	return nil
}

// kill ends it without a word, as kill -9 and a power cut do.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
	p.cmd = nil
}

// stop asks it to end, as systemd and Kubernetes do, and waits until it has.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	select {
	case <-p.done:
	case <-time.After(stopWithin):
		p.kill()
		return fmt.Errorf("%s did not stop within %s", p.name, stopWithin)
	}
	state := p.cmd.ProcessState
	if p.cmd = nil; !state.Success() {
		return fmt.Errorf("%s ended with %s", p.name, state)
	}
	return nil
}

// stopWithin is what the daemon promises, and what a busy machine needs beyond.
const stopWithin = 15 * time.Second

// freeze stops it as a machine does that sleeps, and thaw lets it go on.
func (p *process) freeze() error {
	p.frozen.Store(true)
	return p.cmd.Process.Signal(syscall.SIGSTOP)
}

func (p *process) thaw() error {
	p.frozen.Store(false)
	return p.cmd.Process.Signal(syscall.SIGCONT)
}

// runs reports whether it has not ended.
func (p *process) runs() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// tree is the folder of the daemon's module.
func tree(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/headroom-ev/headroom").Output()
	if err != nil {
		return "", fmt.Errorf("find the source of headroom: run this in test/fleet: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// build compiles the program of a package.
func build(ctx context.Context, dir, out, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", out, pkg)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, text)
	}
	return nil
}

// freePorts are ports of the loopback address that nobody listened on just now.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// natsServers are n servers of one cluster, as an operator would configure them.
func natsServers(dir, program string, n int) (servers []*process, urls []string, err error) {
	ports, err := freePorts(3 * n)
	if err != nil {
		return nil, nil, err
	}
	var routes []string
	for i := range n {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", ports[n+i]))
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", ports[i]))
	}
	for i := range n {
		name := fmt.Sprintf("nats-%d", i+1)
		path := filepath.Join(dir, name+".conf")
		text := fmt.Sprintf(`server_name: %s
listen: 127.0.0.1:%d
http: 127.0.0.1:%d
jetstream { store_dir: %q, sync_interval: always }
cluster { name: headroom, listen: 127.0.0.1:%d, routes: [%s] }
`, name, ports[i], ports[2*n+i], filepath.Join(dir, name), ports[n+i], strings.Join(routes, ", "))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return nil, nil, err
		}
		servers = append(servers, &process{name: name, path: program, args: []string{"-c", path}, log: filepath.Join(dir, name+".log")})
	}
	return servers, urls, nil
}

// until waits for something.
func until(ctx context.Context, limit time.Duration, what string, yes func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not within %s", what, limit)
		case <-tick.C:
		}
	}
	return nil
}
