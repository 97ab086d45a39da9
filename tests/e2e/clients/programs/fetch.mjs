// Plain `fetch`, as the Fireworks examples for JavaScript write it; prints what it got as JSON.
// Call it with the host; the key is in FIREWORKS_API_KEY.

const base = `${process.argv[2]}/inference/v1`;
const model = "accounts/fireworks/models/llama-v3p1-8b-instruct";
const headers = {
  Authorization: `Bearer ${process.env.FIREWORKS_API_KEY}`,
  "Content-Type": "application/json",
};

class FireworksAPIError extends Error {
  constructor(message, status, response) {
    super(message);
    this.status = status;
    this.response = response;
  }
}

async function safeFireworksRequest(endpoint, options) {
  const response = await fetch(endpoint, options);
  if (!response.ok) {
    const errorData = await response.json();
    const message = errorData.error?.message || "API request failed";
    throw new FireworksAPIError(message, response.status, errorData);
  }
  return await response.json();
}

async function chat() {
  return await safeFireworksRequest(`${base}/chat/completions`, {
    method: "POST",
    headers,
    body: JSON.stringify({
      model,
      messages: [
        { role: "system", content: "You are a helpful assistant." },
        { role: "user", content: "What is the capital of France?" },
      ],
      max_tokens: 20,
      temperature: 0.7,
      top_p: 0.9,
    }),
  });
}

async function extraBody() {
  const response = await fetch(`${base}/chat/completions`, {
    method: "POST",
    headers,
    body: JSON.stringify({
      model,
      messages: [{ role: "user", content: "Quick answer: What is 2+2?" }],
      extra_body: { n: 2, max_tokens: 3, ignore_eos: true },
    }),
  });
  return await response.json();
}

async function refusedExtraBody() {
  try {
    return await safeFireworksRequest(`${base}/chat/completions`, {
      method: "POST",
      headers,
      body: JSON.stringify({
        model,
        messages: [{ role: "user", content: "Quick answer: What is 2+2?" }],
        extra_body: { temperature: 9 },
      }),
    });
  } catch (error) {
    return { message: error.message, status: error.status, param: error.response.error.param };
  }
}

async function completion() {
  return await safeFireworksRequest(`${base}/completions`, {
    method: "POST",
    headers,
    body: JSON.stringify({
      model,
      prompt: "The capital of France is",
      max_tokens: 10,
      temperature: 0.7,
    }),
  });
}

async function stream() {
  const response = await fetch(`${base}/chat/completions`, {
    method: "POST",
    headers,
    body: JSON.stringify({
      model,
      messages: [{ role: "user", content: "Hello?" }],
      max_tokens: 10,
      stream: true,
    }),
  });
  const lines = (await response.text()).split("\n").filter(Boolean);
  const events = lines.slice(0, -1).map((line) => JSON.parse(line.replace("data: ", "")));
  return {
    type: response.headers.get("content-type"),
    last: lines.at(-1),
    text: events.map((event) => event.choices[0].delta.content || "").join(""),
    usage: events.at(-1).usage,
  };
}

async function models() {
  const response = await fetch(`${base}/models`, { headers });
  const { data } = await response.json();
  const one = await fetch(`${base}/models/${model}`, { headers });
  const checkModelAvailability = async (modelId) => {
    const response = await fetch(`${base}/models/${modelId}`, { headers });
    if (response.status === 404) throw new Error(`Model ${modelId} not found or not accessible`);
    return response.ok;
  };
  return {
    ids: data.map((each) => each.id),
    one: await one.json(),
    available: await checkModelAvailability("llama-v3p1-8b-instruct"),
    missing: await checkModelAvailability("no-such-model").catch((error) => error.message),
  };
}

async function badKey() {
  const response = await fetch(`${base}/models`, { headers: { Authorization: "Bearer fw_bad" } });
  return response.status;
}

const facts = {};
const all = [chat, extraBody, refusedExtraBody, completion, stream, models, badKey];
for (const fact of all) facts[fact.name] = await fact();
process.stdout.write(JSON.stringify(facts));
