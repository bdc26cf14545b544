// The official OpenAI SDK for Go before a gateway: Chat Completions and Responses.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"backstop/sdks/suite"
)

const model = "gpt-5"

var (
	run   = &suite.Suite{Own: "openai", Other: "anthropic", Symptom: "http_503"}
	none  = context.Background()
	sdk   = client(suite.Ladder)
	alone = client(suite.Alone)
)

func client(address string) openai.Client {
	note := func(request *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		answer, err := next(request)
		if err == nil {
			run.Note(answer.Header)
		}
		return answer, err
	}
	return openai.NewClient(option.WithBaseURL(address+"/v1"), option.WithAPIKey("sk-test"),
		option.WithMaxRetries(0), option.WithMiddleware(note))
}

func asked(content string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(content)},
	}
}

func withTool(content string) openai.ChatCompletionNewParams {
	question := asked(content)
	question.Tools = []openai.ChatCompletionToolUnionParam{
		openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
			Name:        "weather",
			Description: openai.String("The weather."),
			Parameters:  suite.Weather,
		}),
	}
	question.ToolChoice = openai.ToolChoiceOptionFunctionToolChoice(
		openai.ChatCompletionNamedToolChoiceFunctionParam{Name: "weather"})
	return question
}

// checked is what must be equal, whoever answered.
func checked(completion *openai.ChatCompletion) []string {
	suite.Require(completion.ID != "" && completion.Model != "", "no id or model: %s", completion.RawJSON())
	suite.Require(len(completion.Choices) == 1, "%s", completion.RawJSON())
	choice := completion.Choices[0]
	said := []string{choice.FinishReason, choice.Message.Content}
	for _, call := range choice.Message.ToolCalls {
		suite.Require(call.ID != "", "a call without an id")
		said = append(said, call.Function.Name+call.Function.Arguments)
	}
	return said
}

func whole() any {
	completion, err := sdk.Chat.Completions.New(none, asked("Tell me about rivers."))
	suite.Must(err)
	suite.Require(completion.Usage.TotalTokens > 0, "no usage")
	said := checked(completion)
	suite.Whole(said[1])
	return said
}

func accumulated(question openai.ChatCompletionNewParams) any {
	stream := sdk.Chat.Completions.NewStreaming(none, question)
	sum := openai.ChatCompletionAccumulator{}
	pieces := 0
	for stream.Next() {
		suite.Require(sum.AddChunk(stream.Current()), "a chunk that does not fit")
		pieces++
	}
	suite.Must(stream.Err())
	suite.Require(pieces > 2, "%d pieces", pieces)
	return checked(&sum.ChatCompletion)
}

func toolAndResult() any {
	question := withTool("How is the weather?")
	completion, err := sdk.Chat.Completions.New(none, question)
	suite.Must(err)
	message := completion.Choices[0].Message
	suite.Require(len(message.ToolCalls) == 1, "%s", completion.RawJSON())
	question.Messages = append(question.Messages, message.ToParam(),
		openai.ToolMessage("sunny", message.ToolCalls[0].ID))
	question.ToolChoice = openai.ChatCompletionToolChoiceOptionUnionParam{OfAuto: openai.String("auto")}
	answer, err := sdk.Chat.Completions.New(none, question)
	suite.Must(err)
	return append(checked(completion), checked(answer)...)
}

func response(content string) responses.ResponseNewParams {
	return responses.ResponseNewParams{
		Model: model,
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(content)},
	}
}

func wholeResponse() any {
	answer, err := sdk.Responses.New(none, response("Tell me about rivers."))
	suite.Must(err)
	suite.Require(answer.Status == "completed" && answer.ID != "", "%s", answer.RawJSON())
	return suite.Whole(answer.OutputText())
}

func streamedResponse() any {
	stream := sdk.Responses.NewStreaming(none, response("Tell me about rivers."))
	text, completed := "", ""
	for stream.Next() {
		event := stream.Current()
		switch event.Type {
		case "response.output_text.delta":
			text += event.Delta
		case "response.completed":
			completed = event.Response.OutputText()
		}
	}
	suite.Must(stream.Err())
	suite.Require(text == completed, "%q is not %q", text, completed)
	return suite.Whole(text)
}

func everyTargetDown() any {
	suite.Behave(suite.Behaviour{Provider: "openai", Symptom: "http_503"})
	defer suite.Behave()
	gateway := client(suite.Down)
	_, err := gateway.Chat.Completions.New(none, asked("Tell me about rivers."))
	var refused *openai.Error
	suite.Require(errors.As(err, &refused), "%v", err)
	suite.Require(refused.StatusCode == 503, "%v", refused)
	return fmt.Sprintf("%T, status %d", refused, refused.StatusCode)
}

func brokenStream() any {
	suite.Behave(suite.Behaviour{Provider: "openai", Symptom: "reset_mid_body"})
	defer suite.Behave()
	stream := alone.Chat.Completions.NewStreaming(none, asked("Tell me about rivers."))
	for stream.Next() {
	}
	suite.Require(stream.Err() != nil, "a broken stream ended like a whole one")
	return fmt.Sprintf("%T", stream.Err())
}

func brokenResponse() any {
	suite.Behave(suite.Behaviour{Provider: "openai", Symptom: "reset_mid_body"})
	defer suite.Behave()
	stream := alone.Responses.NewStreaming(none, response("Tell me about rivers."))
	last := ""
	for stream.Next() {
		last = stream.Current().Type
	}
	suite.Require(stream.Err() != nil, "a broken stream ended like a whole one")
	return fmt.Sprintf("%T after %s", stream.Err(), last)
}

func main() {
	run.Both([]suite.Case{
		{Name: "text", Run: whole},
		{Name: "text, streamed and accumulated", Run: func() any { return accumulated(asked("Tell me about rivers.")) }},
		{Name: "tool and its result", Run: toolAndResult},
		{Name: "tool, streamed and accumulated", Run: func() any { return accumulated(withTool("How is the weather?")) }},
		{Name: "response", Run: wholeResponse},
		{Name: "response, streamed", Run: streamedResponse},
	})
	run.Once("error", []suite.Case{
		{Name: "every target down", Run: everyTargetDown},
		{Name: "a stream that breaks", Run: brokenStream},
		{Name: "a response that breaks", Run: brokenResponse},
	})
	run.Finish()
}
