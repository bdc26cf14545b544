// The official Anthropic SDK for Go before a gateway.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/option"

	"backstop/sdks/suite"
)

const model = "claude-opus-4-8"

var (
	run   = &suite.Suite{Own: "anthropic", Other: "openai", Symptom: "http_529"}
	none  = context.Background()
	sdk   = client(suite.Ladder)
	alone = client(suite.Alone)
)

func client(address string) anthropic.Client {
	note := func(request *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		answer, err := next(request)
		if err == nil {
			run.Note(answer.Header)
		}
		return answer, err
	}
	return anthropic.NewClient(option.WithBaseURL(address), option.WithAPIKey("sk-test"),
		option.WithMaxRetries(0), option.WithMiddleware(note))
}

func asked(content string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model:     model,
		MaxTokens: 2048,
		Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(content))},
	}
}

func withTool(content string) anthropic.MessageNewParams {
	tool := anthropic.ToolParam{
		Name:        "weather",
		Description: anthropic.String("The weather."),
		InputSchema: anthropic.ToolInputSchemaParam{
			Properties: suite.Weather["properties"],
			Required:   []string{"city", "days"},
		},
	}
	question := asked(content)
	question.Tools = []anthropic.ToolUnionParam{{OfTool: &tool}}
	question.ToolChoice = anthropic.ToolChoiceParamOfTool("weather")
	return question
}

// checked is what must be equal, whoever answered.
func checked(message *anthropic.Message) []string {
	suite.Require(message.ID != "" && message.Model != "", "no id or model: %s", message.RawJSON())
	suite.Require(message.Usage.InputTokens > 0 && message.Usage.OutputTokens > 0, "no usage: %s", message.RawJSON())
	said := []string{string(message.StopReason)}
	for _, block := range message.Content {
		switch block := block.AsAny().(type) {
		case anthropic.TextBlock:
			said = append(said, block.Text)
		case anthropic.ToolUseBlock:
			suite.Require(block.ID != "", "a call without an id")
			said = append(said, block.Name+string(compact(block.Input)))
		default:
			suite.Require(false, "an unexpected block: %T", block)
		}
	}
	return said
}

func compact(raw json.RawMessage) []byte {
	var value map[string]any
	suite.Must(json.Unmarshal(raw, &value))
	text, err := json.Marshal(value)
	suite.Must(err)
	return text
}

func whole() any {
	message, err := sdk.Messages.New(none, asked("Tell me about rivers."))
	suite.Must(err)
	said := checked(message)
	suite.Whole(said[1])
	return said
}

func accumulated(question anthropic.MessageNewParams) any {
	stream := sdk.Messages.NewStreaming(none, question)
	message := anthropic.Message{}
	pieces := 0
	for stream.Next() {
		event := stream.Current()
		suite.Must(message.Accumulate(event))
		if event.Type == "content_block_delta" {
			pieces++
		}
	}
	suite.Must(stream.Err())
	suite.Require(pieces > 1, "%d pieces", pieces)
	return checked(&message)
}

func toolAndResult() any {
	question := withTool("How is the weather?")
	message, err := sdk.Messages.New(none, question)
	suite.Must(err)
	suite.Require(message.StopReason == anthropic.StopReasonToolUse, "%s", message.RawJSON())
	question.Messages = append(question.Messages, message.ToParam())
	for _, block := range message.Content {
		if call, is := block.AsAny().(anthropic.ToolUseBlock); is {
			result := anthropic.NewToolResultBlock(call.ID, "sunny", false)
			question.Messages = append(question.Messages, anthropic.NewUserMessage(result))
		}
	}
	question.ToolChoice = anthropic.ToolChoiceUnionParam{OfAuto: &anthropic.ToolChoiceAutoParam{}}
	answer, err := sdk.Messages.New(none, question)
	suite.Must(err)
	return append(checked(message), checked(answer)...)
}

func everyTargetDown() any {
	suite.Behave(suite.Behaviour{Provider: "anthropic", Symptom: "http_529"})
	defer suite.Behave()
	gateway := client(suite.Down)
	_, err := gateway.Messages.New(none, asked("Tell me about rivers."))
	var refused *anthropic.Error
	suite.Require(errors.As(err, &refused), "%v", err)
	suite.Require(refused.StatusCode == 529, "%v", refused)
	return fmt.Sprintf("%T, status %d", refused, refused.StatusCode)
}

func brokenStream() any {
	suite.Behave(suite.Behaviour{Provider: "anthropic", Symptom: "reset_mid_body"})
	defer suite.Behave()
	stream := alone.Messages.NewStreaming(none, asked("Tell me about rivers."))
	for stream.Next() {
	}
	suite.Require(stream.Err() != nil, "a broken stream ended like a whole one")
	return fmt.Sprintf("%T", stream.Err())
}

func main() {
	run.Both([]suite.Case{
		{Name: "text", Run: whole},
		{Name: "text, streamed and accumulated", Run: func() any { return accumulated(asked("Tell me about rivers.")) }},
		{Name: "tool and its result", Run: toolAndResult},
		{Name: "tool, streamed and accumulated", Run: func() any { return accumulated(withTool("How is the weather?")) }},
	})
	run.Once("error", []suite.Case{
		{Name: "every target down", Run: everyTargetDown},
		{Name: "a stream that breaks", Run: brokenStream},
	})
	run.Finish()
}
