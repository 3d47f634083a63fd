package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net"
	"strconv"
	"strings"
	"time"
)

// message is what a stream of deliveries consists of.
type message uint8

const (
	genuine  message = iota // reports, rightly signed
	stranger                // rightly signed, of sessions, posts and types that nobody knows
	forged                  // reports, signed with another secret
	large                   // 256 KiB, signed with another secret
)

const largeBody = 256<<10 - 1

// sender delivers messages over one kept-alive connection. It speaks just enough
// HTTP for that: a full client would cost as much as the daemon that is measured.
type sender struct {
	address string
	what    message
	mac     hash.Hash
	conn    net.Conn
	in      *bufio.Reader
	out     bytes.Buffer
	body    []byte
	ids     string // what the ids of its messages begin with
	serial  uint64
	tally   tally
}

// tally is what became of a sender's messages.
type tally struct {
	latencies []time.Duration // of those that were answered
	status    map[int]int     // 0: no answer
}

// newSender is the n-th sender of a stream that began at the given time.
func newSender(address string, what message, began time.Time, n int) *sender {
	secret := hookSecret
	if what == forged || what == large {
		secret = forgedKey
	}
	s := &sender{address: address, what: what, mac: hmac.New(sha256.New, []byte(secret)), ids: fmt.Sprintf("%09x%x%04x", began.Unix(), what, n)}
	s.tally.status = make(map[int]int)
	if what == large {
		s.body = bytes.Repeat([]byte(" "), largeBody)
	}
	return s
}

// compose writes the report of connector i as eDRV would.
func (s *sender) compose(i int, r report, now time.Time) {
	switch {
	case s.what == large:
		return
	case s.what == stranger && s.serial%2 == 0:
		s.body = fmt.Appendf(s.body[:0], `{"_id":"%s%010x","data":{"_id":"x%d"},"object":"thing","type":"thing.happened%d"}`, s.ids, s.serial, s.serial, s.serial)
		return
	case s.what == stranger:
		r.session, i = fmt.Sprintf("x%d", s.serial), connectors+int(s.serial&0xffffff)
	}
	at := now.UTC().Format("2006-01-02T15:04:05.000Z")
	s.body = fmt.Appendf(s.body[:0], `{"_id":"%s%010x","data":{"_id":"%s","user":"6500a1b2c3d4e5f601020303","chargestation":"%s","connector":"%s",`+
		`"status":"Started","rate":"6500a1b2c3d4e5f601020306","cost":{"amount":9.25,"currency":"eur"},"metrics":{"energyPeriod":1200,"energyConsumed":3512},`+
		`"energy_report":{"timestamp":"%s","current":{"value":%.1f,"unit":"A"},"power":{"value":%.3f,"unit":"kW"},"energy_meter":{"value":215.83,"unit":"kWh"}},`+
		`"meta_data":{"session_source":"Kiosk"},"createdAt":"2025-09-12T16:00:58.660Z","updatedAt":"%s"},"object":"session","type":"session.updated","createdAt":"%s"}`,
		s.ids, s.serial, r.session, station(i), connector(i), at, r.watts/690, r.watts/1000, at, at)
}

// send delivers the report of connector i and returns the status of the answer,
// 0 where there is none.
func (s *sender) send(ctx context.Context, i int, r report) int {
	now := time.Now()
	s.serial++
	s.compose(i, r, now)
	stamp := strconv.FormatInt(now.UnixMilli(), 10)
	s.mac.Reset()
	s.mac.Write([]byte(stamp + "."))
	s.mac.Write(s.body)
	s.out.Reset()
	fmt.Fprintf(&s.out, "POST /webhooks/edrv HTTP/1.1\r\nHost: daemon\r\nContent-Type: application/json\r\nEdrv-Signature: t=%s,v1=%s\r\nContent-Length: %d\r\n\r\n",
		stamp, hex.EncodeToString(s.mac.Sum(nil)), len(s.body))
	s.out.Write(s.body)
	status, err := s.exchange(ctx)
	if err != nil {
		s.hangUp()
		return 0
	}
	return status
}

// exchange sends what is in out and reads the answer.
func (s *sender) exchange(ctx context.Context) (status int, err error) {
	if s.conn == nil {
		var d net.Dialer
		if s.conn, err = d.DialContext(ctx, "tcp", s.address); err != nil {
			return 0, err
		}
		s.in = bufio.NewReader(s.conn)
	}
	if err := s.conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return 0, err
	}
	if _, err := s.conn.Write(s.out.Bytes()); err != nil {
		return 0, err
	}
	line, err := s.in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscanf(line, "HTTP/1.1 %d", &status); err != nil {
		return 0, fmt.Errorf("answer %q: %w", line, err)
	}
	length, last := 0, false
	for {
		if line, err = s.in.ReadString('\n'); err != nil {
			return 0, err
		}
		name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case !ok:
			if _, err := s.in.Discard(length); err != nil {
				return 0, err
			}
			if last {
				s.hangUp()
			}
			return status, nil
		case strings.EqualFold(name, "Content-Length"):
			if length, err = strconv.Atoi(value); err != nil {
				return 0, err
			}
		case strings.EqualFold(name, "Connection"):
			last = value == "close"
		}
	}
}

func (s *sender) hangUp() {
	if s.conn != nil {
		_ = s.conn.Close() // nothing more is expected of it
		s.conn = nil
	}
}
