package serve

import (
	"context"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"phlb/cmd/phlb/serve/address"
	"phlb/engine"
	"phlb/engine/catalog/ask"
)

const (
	sqlRows = 500              // of an answer on a page
	sqlTime = 30 * time.Second // for an answer
)

// sqlPage is the answer to a question in SQL.
type sqlPage struct {
	Question string        `json:"q"`
	Columns  []string      `json:"columns"`
	Rows     [][]any       `json:"rows"` // null, a number, text, digits of bytes, or a time
	Cut      bool          `json:"cut"`  // there are more rows; CSV has all
	Wrong    string        `json:"error,omitempty"`
	Tables   []ask.Table   `json:"-"`
	CSV      template.URL  `json:"-"`
	Took     time.Duration `json:"-"`
}

// sql answers a question.
func (s *Server) sql(r *request) (any, error) {
	page := &sqlPage{Question: strings.TrimSpace(r.value("q")), Columns: []string{}, Rows: [][]any{}, Tables: ask.Tables()}
	format := r.value("format")
	if format != "" && format != "csv" {
		return nil, badRequest("the format is csv, or none", "leave it out for a page")
	}
	if page.Question == "" {
		return page, nil
	}
	page.CSV = address.Query("q", page.Question, "format", "csv")
	leave, err := s.enter(r)
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(r.Context(), sqlTime)
	defer cancel()
	began := time.Now()
	session, err := r.e.Ask(ctx)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	rows, err := session.Query(ctx, page.Question)
	if err == nil {
		defer rows.Close()
		page.Columns = rows.Columns()
		if format == "csv" {
			return done{}, s.writeCSV(r, rows)
		}
		err = page.take(rows)
	}
	page.Took = time.Since(began).Round(time.Millisecond)
	var wrong *ask.Error
	switch {
	case errors.As(err, &wrong):
		page.Wrong = wrong.Error()
		r.status = http.StatusBadRequest
	case errors.Is(err, context.DeadlineExceeded):
		page.Wrong = fmt.Sprintf("this took more than %v: ask for less, or use phlb query, which waits", sqlTime)
		r.status = http.StatusServiceUnavailable
	case err != nil:
		return nil, err
	}
	return page, nil
}

// take reads as many rows as are shown.
func (p *sqlPage) take(rows *ask.Rows) error {
	for row, err := range rows.All() {
		if err != nil {
			return err
		}
		if len(p.Rows) == sqlRows {
			p.Cut = true
			return nil
		}
		plain := make([]any, len(row))
		for i, value := range row {
			plain[i] = plainValue(value)
		}
		p.Rows = append(p.Rows, plain)
	}
	return nil
}

// plainValue makes a value one of JSON.
func plainValue(value any) any {
	switch v := value.(type) {
	case string:
		return engine.Text(v)
	case []byte:
		return hex.EncodeToString(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
	}
	return value
}

// writeCSV writes all rows. Texts are as they are, bytes in hexadecimal digits.
func (s *Server) writeCSV(r *request, rows *ask.Rows) error {
	out := &late{r: r, begin: func(h http.Header) {
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", disposition("attachment", "phlb.csv"))
	}}
	w := csv.NewWriter(out)
	err := w.Write(rows.Columns())
	for row, failed := range rows.All() {
		if err = errors.Join(err, failed); err != nil {
			break
		}
		fields := make([]string, len(row))
		for i, value := range row {
			fields[i] = csvField(value)
		}
		err = w.Write(fields)
	}
	if err == nil {
		w.Flush()
		err = w.Error()
	}
	if err != nil && out.begun {
		s.cut(r, err)
	}
	return err
}

func csvField(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case []byte:
		return hex.EncodeToString(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	return fmt.Sprint(value)
}

// cell shows a value of a row.
func (s *Server) cell(value any) template.HTML {
	switch v := value.(type) {
	case nil:
		return `<span class="detail">NULL</span>`
	case time.Time:
		return s.when(v)
	case string:
		if strings.HasPrefix(v, `"`) { // was quoted for JSON
			return template.HTML("<bdi>" + template.HTMLEscapeString(v) + "</bdi>")
		}
		return nameHTML(v)
	}
	return template.HTML(template.HTMLEscapeString(fmt.Sprint(value)))
}

// isNumber reports whether a value stands at the right of its column.
func isNumber(value any) bool {
	switch value.(type) {
	case int64, float64:
		return true
	}
	return false
}
