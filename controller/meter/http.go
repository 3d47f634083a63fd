package meter

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/headroom-ev/headroom/controller/config"
)

// poller reads a source over HTTP again and again.
type poller struct {
	every time.Duration
	web   *web
	read  func(*web, context.Context) (Reading, error)
}

// web is a source that is read over HTTP.
type web struct {
	config *config.Meter
	shape  shape
	client *http.Client
}

func newPoller(c *config.Meter, trust *tls.Config, read func(*web, context.Context) (Reading, error)) *poller {
	timeout := patience(c)
	dialer := &net.Dialer{Timeout: timeout}
	return &poller{every: c.Every, read: read, web: &web{
		config: c, shape: shapeOf(c),
		client: &http.Client{
			Timeout: timeout,
			Transport: &http.Transport{
				DialContext: dialer.DialContext, TLSClientConfig: trust, TLSHandshakeTimeout: timeout,
				MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 16 << 10,
				DisableCompression: true, // a small body must not unfold into a large one
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}}
}

func (p *poller) run(ctx context.Context, put func(Reading)) {
	defer p.web.client.CloseIdleConnections()
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	for {
		r, err := p.read(p.web, ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r = Reading{Err: err}
		}
		put(r)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// plain reads a meter that answers with a number or a JSON document.
func (w *web) plain(ctx context.Context) (Reading, error) {
	body, err := w.get(ctx, w.config.URL)
	if err != nil {
		return Reading{}, err
	}
	return w.shape.read(body)
}

// get is the body of the answer.
func (w *web) get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, withoutURL(err)
	}
	req.Header.Set("User-Agent", "headroom")
	req.Header.Set("Accept", "application/json, text/plain;q=0.9")
	switch {
	case w.config.Token.IsSet():
		req.Header.Set("Authorization", "Bearer "+w.config.Token.Reveal())
	case w.config.Username != "":
		req.SetBasicAuth(w.config.Username, w.config.Password.Reveal())
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case resp.StatusCode/100 == 3:
		return nil, fmt.Errorf("it redirects (HTTP %d), which is not followed: give the address that it redirects to", resp.StatusCode)
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return nil, fmt.Errorf("it refuses the login (HTTP %d)", resp.StatusCode)
	case resp.StatusCode != http.StatusOK && w.config.Type == config.MeterPrometheus && err == nil:
		return nil, prometheusError(resp.StatusCode, body)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("it answers with HTTP %d", resp.StatusCode)
	case err != nil:
		return nil, fmt.Errorf("its answer breaks off: %w", withoutURL(err))
	case len(body) > maxAnswer:
		return nil, nonsense("its answer has more than %d KiB", maxAnswer>>10)
	}
	return body, nil
}

// withoutURL is the error without the address, whose query may hold a secret.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		if e.Timeout() {
			return errors.New("it does not answer in time")
		}
		return e.Err
	}
	return err
}
