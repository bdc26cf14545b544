// Package suite is what the programs share: the two situations, what is asserted of every answer,
// one line per case.
package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
)

// Addresses of the gateways: with a ladder whose second rung speaks another dialect, with one
// target only, the same for errors; and of the simulated providers.
var (
	Ladder    = os.Getenv("LADDER")
	Alone     = os.Getenv("ALONE")
	Down      = os.Getenv("DOWN")
	simulator = os.Getenv("SIMULATOR")
)

// Weather is the schema of the tool's arguments.
var Weather = map[string]any{
	"type": "object",
	"properties": map[string]any{
		"city": map[string]any{"type": "string"},
		"days": map[string]any{"type": "integer"},
	},
	"required":             []string{"city", "days"},
	"additionalProperties": false,
}

// Behaviour is a fault of a simulated provider.
type Behaviour struct {
	Provider string `json:"provider"`
	Symptom  string `json:"symptom"`
	// Seconds that a limited client is told to wait; 0 is not said.
	RetryAfterS int `json:"retry_after_s,omitempty"`
}

// Behave makes providers do this from now on, and nothing else that is wrong.
func Behave(faults ...Behaviour) {
	if faults == nil {
		faults = []Behaviour{}
	}
	body, err := json.Marshal(faults)
	Must(err)
	request, err := http.NewRequest(http.MethodPut, simulator+"/simulator/behaviour", bytes.NewReader(body))
	Must(err)
	request.Header.Set("content-type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	Must(err)
	defer answer.Body.Close()
	said, _ := io.ReadAll(answer.Body)
	Require(answer.StatusCode < 300, "the simulator: %s", said)
}

// Case is one thing that an SDK does; what it returns must not depend on who answered.
type Case struct {
	Name string
	Run  func() any
}

// Suite runs cases in both situations and compares what they returned.
type Suite struct {
	Own, Other, Symptom string
	failures            int
	answers             []http.Header
}

// Note is called with the headers of every answer.
func (s *Suite) Note(headers http.Header) { s.answers = append(s.answers, headers) }

func (s *Suite) once(provider string, test Case) any {
	s.answers = nil
	result := test.Run()
	Require(len(s.answers) > 0, "no answer was seen")
	for _, headers := range s.answers {
		said := headers.Get("backstop-answer")
		Require(strings.HasPrefix(said, "target="+provider+"/"), "answered by %q", said)
	}
	return result
}

func (s *Suite) line(situation, name string, run func() any) (result any) {
	defer func() {
		if failure := recover(); failure != nil {
			s.failures++
			fmt.Printf("FAILED  %-14s %s\n        %v\n", situation, name, failure)
		}
	}()
	result = run()
	fmt.Printf("ok      %-14s %s\n", situation, name)
	return result
}

// Both runs every case with the own provider healthy, then with it dead.
func (s *Suite) Both(cases []Case) {
	Behave()
	first := map[string]any{}
	for _, test := range cases {
		first[test.Name] = s.line("own dialect", test.Name, func() any { return s.once(s.Own, test) })
	}
	Behave(Behaviour{Provider: s.Own, Symptom: s.Symptom})
	for _, test := range cases {
		s.line("other dialect", test.Name, func() any {
			result := s.once(s.Other, test)
			expected := first[test.Name]
			Require(expected == nil || reflect.DeepEqual(result, expected), "%v is not %v", result, expected)
			return result
		})
	}
	Behave()
}

// Once runs cases that have one situation only; what they return is shown.
func (s *Suite) Once(situation string, cases []Case) {
	for _, test := range cases {
		if remark := s.line(situation, test.Name, test.Run); remark != nil {
			fmt.Printf("        %s: %s: %v\n", situation, test.Name, remark)
		}
	}
}

// Finish ends the program.
func (s *Suite) Finish() {
	Behave()
	if s.failures > 0 {
		os.Exit(1)
	}
}

// Require fails the case unless what was expected is so.
func Require(is bool, format string, values ...any) {
	if !is {
		panic(fmt.Sprintf(format, values...))
	}
}

// Must fails the case on an error.
func Must(err error) { Require(err == nil, "%v", err) }

// Whole is a simulated free text: it ends with a digest of what is before it.
func Whole(text string) string {
	Require(strings.Contains(text, "The end is #") && strings.HasSuffix(text, "."), "not whole: %q", text)
	return text
}
