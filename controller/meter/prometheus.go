package meter

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// prometheus reads the value of one query, or of one for each phase.
func (w *web) prometheus(ctx context.Context) (Reading, error) {
	var phases []string
	for _, query := range w.config.Phases {
		text, err := w.query(ctx, query)
		if err != nil {
			return Reading{}, err
		}
		phases = append(phases, text)
	}
	total := ""
	if w.config.Query != "" {
		var err error
		if total, err = w.query(ctx, w.config.Query); err != nil {
			return Reading{}, err
		}
	}
	return reading(total, phases, w.config.Unit)
}

// promAnswer is an answer of Prometheus's HTTP API.
type promAnswer struct {
	Status string `json:"status"`
	Error  string `json:"error"`
	Data   struct {
		Type   string          `json:"resultType"`
		Result json.RawMessage `json:"result"`
	} `json:"data"`
}

// sample is a time and a value: a number and a text.
type sample [2]json.RawMessage

// query is the value of an instant query. Prometheus goes on answering with the
// last sample of a series for five minutes after the source fell silent, unless
// it is told to look back less far.
func (w *web) query(ctx context.Context, promQL string) (string, error) {
	values := url.Values{"query": {promQL}, "lookback_delta": {strconv.FormatFloat(w.config.Stale.Seconds(), 'f', -1, 64)}}
	base, rest, _ := strings.Cut(w.config.URL, "?")
	if rest != "" {
		rest += "&"
	}
	body, err := w.get(ctx, strings.TrimRight(base, "/")+"/api/v1/query?"+rest+values.Encode())
	if err != nil {
		return "", err
	}
	var answer promAnswer
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", nonsense("the answer is none of Prometheus's: %w", err)
	}
	if answer.Status != "success" {
		return "", fmt.Errorf("the query %s fails: %s", clip(promQL), clip(answer.Error))
	}
	var found sample
	switch answer.Data.Type {
	case "scalar":
		err = json.Unmarshal(answer.Data.Result, &found)
	case "vector":
		var series []struct {
			Value sample `json:"value"`
		}
		if err = json.Unmarshal(answer.Data.Result, &series); err == nil && len(series) == 1 {
			found = series[0].Value
		} else if err == nil && len(series) == 0 {
			return "", nonsense("the query %s has no answer: the series ended, or never was", clip(promQL))
		} else if err == nil {
			return "", nonsense("the query %s has %d answers: make it one, such as by sum(…)", clip(promQL), len(series))
		}
	default:
		return "", nonsense("the query %s yields a %s: want one value", clip(promQL), clip(answer.Data.Type))
	}
	var text string
	if err == nil {
		err = json.Unmarshal(found[1], &text)
	}
	if err != nil {
		return "", nonsense("the answer is none of Prometheus's: %w", err)
	}
	return text, nil
}

// prometheusError is an answer that is an error, with Prometheus's words.
func prometheusError(status int, body []byte) error {
	var answer promAnswer
	if json.Unmarshal(body, &answer) == nil && answer.Error != "" {
		return fmt.Errorf("it answers with HTTP %d: %s", status, clip(answer.Error))
	}
	return fmt.Errorf("it answers with HTTP %d", status)
}
