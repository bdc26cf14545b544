// The official Google Gen AI SDK for Go before a gateway.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/genai"

	"backstop/sdks/suite"
)

const (
	model = "gemini-3.5-flash"
	about = "Tell me about rivers."
	wish  = "The weather, please."
)

var (
	run   = &suite.Suite{Own: "gemini", Other: "anthropic", Symptom: "http_503"}
	none  = context.Background()
	sdk   = client(suite.Ladder)
	alone = client(suite.Alone)
)

// noting shows the suite the headers of every answer; the SDK has no hook for that.
type noting struct{}

func (noting) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err == nil {
		run.Note(answer.Header)
	}
	return answer, err
}

func client(address string) *genai.Client {
	client, err := genai.NewClient(none, &genai.ClientConfig{
		APIKey: "test", Backend: genai.BackendGeminiAPI, HTTPClient: &http.Client{Transport: noting{}},
		HTTPOptions: genai.HTTPOptions{BaseURL: address},
	})
	suite.Must(err)
	return client
}

func asked(content string) []*genai.Content { return genai.Text(content) }

func withTool(mode genai.FunctionCallingConfigMode) *genai.GenerateContentConfig {
	return &genai.GenerateContentConfig{
		Tools: []*genai.Tool{{FunctionDeclarations: []*genai.FunctionDeclaration{
			{Name: "weather", Description: "The weather.", ParametersJsonSchema: suite.Weather},
		}}},
		ToolConfig: &genai.ToolConfig{FunctionCallingConfig: &genai.FunctionCallingConfig{Mode: mode}},
	}
}

// checked is what must be equal, whoever answered.
func checked(response *genai.GenerateContentResponse) []string {
	suite.Require(response.ResponseID != "" && response.ModelVersion != "", "no id or model")
	suite.Require(len(response.Candidates) == 1, "%d candidates", len(response.Candidates))
	suite.Require(response.UsageMetadata.TotalTokenCount > 0, "no usage")
	said := []string{string(response.Candidates[0].FinishReason), response.Text()}
	for _, call := range response.FunctionCalls() {
		said = append(said, written(call))
	}
	return said
}

func written(call *genai.FunctionCall) string {
	arguments, err := json.Marshal(call.Args)
	suite.Must(err)
	return call.Name + string(arguments)
}

func generate(contents []*genai.Content, config *genai.GenerateContentConfig) *genai.GenerateContentResponse {
	response, err := sdk.Models.GenerateContent(none, model, contents, config)
	suite.Must(err)
	return response
}

func whole() any {
	said := checked(generate(asked(about), nil))
	suite.Whole(said[1])
	return said
}

// streamed joins the chunks of a stream, as the SDK has nothing that does.
func streamed(contents []*genai.Content, config *genai.GenerateContentConfig) (*genai.Content, string) {
	answer, reason, ids := &genai.Content{Role: genai.RoleModel}, "", map[string]bool{}
	for chunk, err := range sdk.Models.GenerateContentStream(none, model, contents, config) {
		suite.Must(err)
		ids[chunk.ResponseID] = true
		suite.Require(reason == "", "a chunk after the end")
		if content := chunk.Candidates[0].Content; content != nil {
			answer.Parts = append(answer.Parts, content.Parts...)
		}
		reason = string(chunk.Candidates[0].FinishReason)
	}
	suite.Require(len(ids) == 1, "%d ids", len(ids))
	return answer, reason
}

func textOf(content *genai.Content) string {
	text := ""
	for _, part := range content.Parts {
		text += part.Text
	}
	return text
}

func streamedText() any {
	content, reason := streamed(asked(about), nil)
	suite.Require(reason == "STOP" && len(content.Parts) > 1, "%q after %d parts", reason, len(content.Parts))
	return suite.Whole(textOf(content))
}

func chat() any {
	talk, err := sdk.Chats.Create(none, model, nil, nil)
	suite.Must(err)
	first, err := talk.SendMessage(none, genai.Part{Text: about})
	suite.Must(err)
	second := ""
	for chunk, err := range talk.SendMessageStream(none, genai.Part{Text: "And about the sea?"}) {
		suite.Must(err)
		second += chunk.Text()
	}
	suite.Require(len(talk.History(true)) >= 4, "%d turns", len(talk.History(true)))
	third, err := talk.SendMessage(none, genai.Part{Text: "And about hills?"})
	suite.Must(err)
	return []string{suite.Whole(first.Text()), suite.Whole(second), suite.Whole(third.Text())}
}

// answered sends the conversation on: what came back, and the result of the call.
func answered(content *genai.Content) []string {
	results := &genai.Content{Role: genai.RoleUser}
	for _, part := range content.Parts {
		if call := part.FunctionCall; call != nil {
			result := genai.NewPartFromFunctionResponse(call.Name, map[string]any{"output": "sunny"})
			result.FunctionResponse.ID = call.ID
			results.Parts = append(results.Parts, result)
		}
	}
	suite.Require(len(results.Parts) == 1, "%d calls", len(results.Parts))
	contents := append(asked(wish), content, results)
	return checked(generate(contents, withTool(genai.FunctionCallingConfigModeAuto)))
}

func toolAndResult() any {
	response := generate(asked(wish), withTool(genai.FunctionCallingConfigModeAny))
	return append(checked(response), answered(response.Candidates[0].Content)...)
}

func streamedTool() any {
	content, reason := streamed(asked(wish), withTool(genai.FunctionCallingConfigModeAny))
	said := []string{reason}
	for _, part := range content.Parts {
		if part.FunctionCall != nil {
			said = append(said, written(part.FunctionCall))
		}
	}
	return append(said, answered(content)...)
}

func object(response *genai.GenerateContentResponse) any {
	var found struct {
		City string `json:"city"`
		Days *int   `json:"days"`
	}
	suite.Must(json.Unmarshal([]byte(response.Text()), &found))
	suite.Require(found.City != "" && found.Days != nil, "%s", response.Text())
	return response.Text()
}

func jsonSchema() any {
	return object(generate(asked(about), &genai.GenerateContentConfig{
		ResponseMIMEType: "application/json", ResponseJsonSchema: suite.Weather,
	}))
}

func typedSchema() any {
	schema := &genai.Schema{
		Type: genai.TypeObject, Required: []string{"city", "days"},
		Properties: map[string]*genai.Schema{"city": {Type: genai.TypeString}, "days": {Type: genai.TypeInteger}},
	}
	return object(generate(asked(about), &genai.GenerateContentConfig{
		ResponseMIMEType: "application/json", ResponseSchema: schema,
	}))
}

func limits() any {
	return checked(generate(asked(about), &genai.GenerateContentConfig{
		SystemInstruction: genai.NewContentFromText("You are a poet.", genai.RoleUser),
		Temperature:       genai.Ptr[float32](0.5), MaxOutputTokens: 4096,
		ThinkingConfig: &genai.ThinkingConfig{IncludeThoughts: true, ThinkingLevel: genai.ThinkingLevelLow},
	}))
}

func counted() any {
	count, err := sdk.Models.CountTokens(none, model, asked(about), nil)
	suite.Must(err)
	suite.Require(count.TotalTokens > 0, "%d tokens", count.TotalTokens)
	return fmt.Sprintf("%d tokens", count.TotalTokens)
}

func countedElsewhere() any {
	suite.Behave(suite.Behaviour{Provider: "gemini", Symptom: "http_503"})
	defer suite.Behave()
	return counted()
}

func listed() any {
	names := 0
	for found, err := range sdk.Models.All(none) {
		suite.Must(err)
		suite.Require(strings.HasPrefix(found.Name, "models/"), "named %q", found.Name)
		names++
	}
	one, err := sdk.Models.Get(none, "gemini-2.5-pro", nil)
	suite.Must(err)
	suite.Require(one.InputTokenLimit > 0 && one.OutputTokenLimit > 0, "no limits: %v", one)
	suite.Require(names > 1, "%d models", names)
	return fmt.Sprintf("%d models", names)
}

func refused(provoked suite.Behaviour, code int, status string) any {
	suite.Behave(provoked)
	defer suite.Behave()
	_, err := client(suite.Down).Models.GenerateContent(none, model, asked(about), nil)
	var failure genai.APIError
	suite.Require(errors.As(err, &failure), "%T: %v", err, err)
	suite.Require(failure.Code == code && failure.Status == status, "%v", failure)
	return fmt.Sprintf("%T, code %d, %s", failure, failure.Code, failure.Status)
}

func brokenStream() any {
	suite.Behave(suite.Behaviour{Provider: "gemini", Symptom: "reset_mid_body"})
	defer suite.Behave()
	var failure genai.APIError
	seen := 0
	for chunk, err := range alone.Models.GenerateContentStream(none, model, asked(about), nil) {
		if err != nil {
			suite.Require(errors.As(err, &failure), "%T: %v", err, err)
			continue
		}
		suite.Require(failure.Code == 0, "a chunk after the error")
		seen += len(chunk.Text())
	}
	suite.Require(seen > 0 && failure.Code == 503, "a broken stream ended like a whole one: %d bytes", seen)
	return fmt.Sprintf("%T, code %d, %s", failure, failure.Code, failure.Status)
}

func main() {
	run.Both([]suite.Case{
		{Name: "text", Run: whole},
		{Name: "text, streamed", Run: streamedText},
		{Name: "chat, three turns, the second streamed", Run: chat},
		{Name: "tool and its result", Run: toolAndResult},
		{Name: "tool, streamed; its result", Run: streamedTool},
		{Name: "ResponseJsonSchema", Run: jsonSchema},
		{Name: "ResponseSchema", Run: typedSchema},
		{Name: "system instruction, limits, thinking", Run: limits},
	})
	run.Once("beside", []suite.Case{
		{Name: "tokens counted by the provider", Run: counted},
		{Name: "tokens estimated", Run: countedElsewhere},
		{Name: "models listed", Run: listed},
	})
	run.Once("error", []suite.Case{
		{Name: "every target down", Run: func() any {
			return refused(suite.Behaviour{Provider: "gemini", Symptom: "http_503"}, 503, "UNAVAILABLE")
		}},
		{Name: "limited for a minute", Run: func() any {
			limited := suite.Behaviour{Provider: "gemini", Symptom: "rate_limit", RetryAfterS: 60}
			return refused(limited, 429, "RESOURCE_EXHAUSTED")
		}},
		{Name: "a stream that breaks", Run: brokenStream},
	})
	run.Finish()
}
