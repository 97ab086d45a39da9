// The npm package `openai`, used as its own documentation shows; prints what it got as JSON.
// Call it with a base URL; the key is in OPENAI_API_KEY.

import OpenAI from "openai";

const [baseURL] = process.argv.slice(2);

const model = "accounts/fireworks/models/llama-v3p1-8b-instruct";
const ask = {
  model,
  messages: [{ role: "user", content: "What is a hearth?" }],
  max_tokens: 16,
  seed: 7,
};
const client = new OpenAI({ baseURL, maxRetries: 0, timeout: 30_000 });

async function chat() {
  const answer = await client.chat.completions.create(ask);
  return { ...answer, text: answer.choices[0].message.content };
}

async function stream() {
  const chunks = [];
  const body = { ...ask, stream: true, stream_options: { include_usage: true } };
  for await (const chunk of await client.chat.completions.create(body)) chunks.push(chunk);
  const pieces = chunks.map((chunk) => chunk.choices[0]?.delta.content).filter(Boolean);
  return {
    text: pieces.join(""),
    num_pieces: pieces.length,
    usages: chunks.map((chunk) => chunk.usage).filter(Boolean),
    finish_reason: chunks.flatMap((chunk) => chunk.choices).at(-1).finish_reason,
  };
}

async function runner() {
  const running = client.chat.completions.stream(ask);
  const final = await running.finalChatCompletion();
  return { text: final.choices[0].message.content };
}

async function models() {
  const ids = [];
  for await (const each of client.models.list()) ids.push(each.id);
  return { ids, retrieved: await client.models.retrieve(model) };
}

async function errors() {
  const stranger = client.withOptions({ apiKey: "fw_wrong" });
  const missing = { ...ask, model: "accounts/x/models/none" };
  return {
    key: await fault(() => stranger.chat.completions.create(ask)),
    model: await fault(() => client.chat.completions.create(missing)),
    model_of_list: await fault(() => client.models.retrieve("accounts/x/models/none")),
    field: await fault(() => client.chat.completions.create({ ...ask, temperature: 9 })),
  };
}

async function fault(call) {
  try {
    await call();
  } catch (error) {
    const { name } = error.constructor;
    const { message } = error.error;
    const { status, code, type, param, requestID: request_id } = error;
    return { class: name, message, status, code, type, param, request_id };
  }
}

const facts = {};
for (const fact of [chat, stream, runner, models, errors]) facts[fact.name] = await fact();
process.stdout.write(JSON.stringify(facts));
