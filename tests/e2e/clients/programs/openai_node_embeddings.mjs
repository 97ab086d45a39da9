// Embeddings by the npm package `openai`; prints JSON.
// Call it with a base URL; the key is in OPENAI_API_KEY.

import OpenAI from "openai";

const [baseURL] = process.argv.slice(2);
const model = "accounts/fireworks/models/all-minilm-l6-v2";
const input = ["a cat", "a dog", "the price of gold"];
const client = new OpenAI({ baseURL, maxRetries: 0, timeout: 50_000 });

async function vectors(options) {
  const answer = await client.embeddings.create({ model, input, ...options });
  return answer.data.map((each) => each.embedding);
}

const facts = {
  base64: await vectors({}),
  floats: await vectors({ encoding_format: "float" }),
  short: await vectors({ dimensions: 64 }),
};
process.stdout.write(JSON.stringify(facts));
