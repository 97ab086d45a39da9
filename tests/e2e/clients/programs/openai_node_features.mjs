// Tools, structured answers and log-probabilities by the npm package `openai`; prints JSON.
// Call it with a base URL; the key is in OPENAI_API_KEY.

import OpenAI from "openai";

const [baseURL] = process.argv.slice(2);

const model = "accounts/fireworks/models/llama-v3p1-8b-instruct";
const ask = { model, max_tokens: 96, temperature: 0, seed: 7 };
const messages = [{ role: "user", content: "What is the weather in Paris, and then in Rome?" }];
const parameters = {
  type: "object",
  properties: { city: { type: "string", enum: ["Paris", "Rome"] }, is_warm: { type: "boolean" } },
  required: ["city", "is_warm"],
  additionalProperties: false,
};
const tool = { type: "function", function: { name: "get_weather", parameters } };
const named = { type: "function", function: { name: "get_weather" } };
const client = new OpenAI({ baseURL, maxRetries: 0, timeout: 50_000 });

async function whole(body) {
  const answer = await client.chat.completions.create({ ...ask, ...body });
  return answer.choices[0];
}

async function streamed(body) {
  const final = await client.chat.completions.stream({ ...ask, ...body }).finalChatCompletion();
  return final.choices[0];
}

async function runTools(create) {
  const history = [...messages];
  const calls = [];
  const reasons = [];
  for (let round = 0; round < 2; round++) {
    const choice = await create({ messages: history, tools: [tool], tool_choice: named });
    reasons.push(choice.finish_reason);
    history.push(choice.message);
    for (const call of choice.message.tool_calls) {
      calls.push({ name: call.function.name, arguments: JSON.parse(call.function.arguments) });
      history.push({ role: "tool", tool_call_id: call.id, content: "clear" });
    }
  }
  const last = await create({ messages: history, tools: [tool], tool_choice: "none" });
  reasons.push(last.finish_reason);
  return { calls, reasons, answer: last.message.content };
}

async function tools() {
  return { whole: await runTools(whole), streamed: await runTools(streamed) };
}

// The package's own loop over tools; with a named tool it ends after that one call.
async function runner() {
  const seen = [];
  const get_weather = (given) => {
    seen.push(given);
    return "clear";
  };
  const own = { ...tool.function, function: get_weather, parse: JSON.parse };
  const options = { messages, tools: [{ type: "function", function: own }], tool_choice: named };
  await client.chat.completions.runTools({ ...ask, ...options }).done();
  await client.chat.completions.runTools({ ...ask, ...options, stream: true }).done();
  return { seen };
}

async function structured() {
  const response_format = {
    type: "json_schema",
    json_schema: { name: "weather", strict: true, schema: parameters },
  };
  const parsed = await client.chat.completions.parse({ ...ask, messages, response_format });
  const final = await client.chat.completions
    .stream({ ...ask, messages, response_format })
    .finalChatCompletion();
  return {
    whole: JSON.parse(parsed.choices[0].message.content),
    streamed: JSON.parse(final.choices[0].message.content),
  };
}

async function logprobs() {
  const body = { messages, max_tokens: 6, logprobs: true, top_logprobs: 2 };
  const choice = await whole(body);
  const other = await streamed(body);
  return {
    text: choice.message.content,
    tokens: choice.logprobs.content.map((entry) => entry.token),
    num_tops: choice.logprobs.content.map((entry) => entry.top_logprobs.length),
    streamed: other.logprobs.content.map((entry) => entry.token),
  };
}

const facts = {};
for (const fact of [tools, runner, structured, logprobs]) facts[fact.name] = await fact();
process.stdout.write(JSON.stringify(facts));
