package edrvapi

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"syscall"

	"github.com/go-resty/resty/v2"
)

// Operation names a call, for metrics and errors.
type Operation string

// The operations. The first group reads, the second makes a charger do something.
const (
	OpSessions     Operation = "list_sessions"
	OpSession      Operation = "get_session"
	OpStations     Operation = "list_stations"
	OpStation      Operation = "get_station"
	OpConnector    Operation = "get_connector"
	OpLocations    Operation = "list_locations"
	OpGroups       Operation = "list_groups"
	OpGetComposite Operation = "get_composite_schedule"

	OpSetSessionLimit     Operation = "set_session_limit"
	OpClearSessionLimit   Operation = "clear_session_limit"
	OpSetConnectorDefault Operation = "set_connector_default"
	OpSetStationDefault   Operation = "set_station_default"
)

// Operations are all operations.
func Operations() []Operation {
	return []Operation{
		OpSessions, OpSession, OpStations, OpStation, OpConnector, OpLocations, OpGroups, OpGetComposite,
		OpSetSessionLimit, OpClearSessionLimit, OpSetConnectorDefault, OpSetStationDefault,
	}
}

// orders reports whether the operation makes a charger do something.
func (op Operation) orders() bool {
	switch op {
	case OpSetSessionLimit, OpClearSessionLimit, OpSetConnectorDefault, OpSetStationDefault:
		return true
	default:
		return false
	}
}

// How an exchange ended, where no HTTP status says it.
const (
	codeCancelled   = "cancelled"   // the caller gave up
	codeForbidden   = "forbidden"   // the address is not to be dialled
	codeNotOK       = "not_ok"      // 2xx, but ok is false
	codeDNS         = "dns"         // the name was not found
	codeRefused     = "refused"     // the connection was refused
	codeReset       = "reset"       // the connection broke
	codeTimeout     = "timeout"     // nobody answered in time
	codeTLS         = "tls"         // the certificate or handshake is bad
	codeTooLarge    = "too_large"   // the answer is
	codeUnreachable = "unreachable" // anything else
	codeUnreadable  = "unreadable"  // 2xx, but not a document
)

// statuses are the HTTP statuses with a code of their own.
var statuses = []int{400, 401, 403, 404, 405, 409, 422, 429, 500, 502, 503, 504}

// Codes are all codes that Options.Observe is called with: statuses of HTTP, classes of
// the rarer ones, and words.
func Codes() []string {
	codes := []string{"2xx", "3xx", "4xx", "5xx"}
	for _, status := range statuses {
		codes = append(codes, strconv.Itoa(status))
	}
	return append(codes, codeCancelled, codeForbidden, codeNotOK, codeDNS, codeRefused, codeReset, codeTimeout,
		codeTLS, codeTooLarge, codeUnreachable, codeUnreadable)
}

// statusCode is the code of an HTTP status.
func statusCode(status int) string {
	switch {
	case slices.Contains(statuses, status):
		return strconv.Itoa(status)
	case status >= 200 && status < 600:
		return strconv.Itoa(status/100) + "xx"
	default:
		return codeUnreadable
	}
}

// errorCode is the code of an exchange that failed below HTTP.
func (x *exchange) errorCode() string {
	err := x.err
	timeout, isNet := errors.AsType[net.Error](err)
	_, isDNS := errors.AsType[*net.DNSError](err)
	_, isCert := errors.AsType[*tls.CertificateVerificationError](err)
	_, isAlert := errors.AsType[tls.AlertError](err)
	_, isRecord := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case x.givenUp:
		return codeCancelled
	case errors.Is(err, resty.ErrResponseBodyTooLarge):
		return codeTooLarge
	case errors.Is(err, ErrPrivateHost):
		return codeForbidden
	case isNet && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return codeTimeout
	case errors.Is(err, syscall.ECONNREFUSED):
		return codeRefused
	case isDNS:
		return codeDNS
	case isCert, isAlert, isRecord, errors.Is(err, http.ErrSchemeMismatch):
		return codeTLS
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return codeReset
	default:
		return codeUnreachable
	}
}
