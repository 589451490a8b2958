"""OpenAI's and LangChain's clients against the gateway, whose models are on a server of the test's own."""
import pathlib
import sys
import time

import numpy
import openai
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "api")]
import harness  # noqa: E402
from client_case import DOCUMENTS, ClientCase  # noqa: E402
from upstream import Upstream  # noqa: E402


class Clients(ClientCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = openai.OpenAI(base_url=cls.server.url + "/v1", api_key=cls.server.keys["dora"], max_retries=0)

    def ask(self, text, **more):
        return self.client.chat.completions.create(model="helper", messages=[{"role": "user", "content": text}], **more)

    def decision(self, completion):
        return completion.id.removeprefix("chatcmpl-")

    def test_chat_is_answered_and_is_a_decision_with_its_cost_and_model(self):
        completion = self.ask("say good morning", temperature=0)
        self.assertEqual(completion.choices[0].message.content, "good morning")
        self.assertEqual(completion.choices[0].finish_reason, "stop")
        self.assertEqual(completion.model, "helper")
        self.assertEqual((completion.usage.prompt_tokens, completion.usage.completion_tokens), (3, 2))
        self.assertEqual(self.upstream.asked[0]["model"], "tiny-7b")
        self.assertEqual(self.upstream.asked[0]["temperature"], 0)
        record = self.record(self.decision(completion))
        self.assertEqual(record["pipeline"], "calls/helper")
        self.assertEqual(record["cost"], 3 + 2 * 2)
        step = record["steps"][0]
        self.assertEqual(step["by"]["model"], "helper@1.0.0", step)
        self.assertEqual(step["by"]["usage"], {"input_tokens": 3, "output_tokens": 2})
        self.assertEqual(step["by"]["upstream_id"], "up-1")

    def test_a_stream_comes_in_pieces_and_is_the_same_decision(self):
        pieces, usage, chunks = [], None, []
        for chunk in self.ask("slow one two three", stream=True, stream_options={"include_usage": True}):
            chunks.append((time.monotonic(), chunk))
            if chunk.choices:
                self.assertIsNone(chunk.usage)
                pieces.append(chunk.choices[0].delta.content or "")
            else:
                usage = chunk.usage
        self.assertEqual("".join(pieces).split(), ["one", "two", "three"])
        self.assertEqual(usage.completion_tokens, 3)
        self.assertEqual(len({chunk.id for _, chunk in chunks}), 1)
        self.assertEqual(len({chunk.created for _, chunk in chunks}), 1)
        # The server waits 0.2 s between pieces: whoever gathers them first cannot give the first so early.
        self.assertGreater(chunks[-1][0] - chunks[0][0], 0.4)
        record = self.record(self.decision(chunks[0][1]))
        self.assertEqual(record["output"]["text"].split(), ["one", "two", "three"])
        self.assertGreater(record["steps"][0]["by"]["first_part_us"], 0)

    def test_usage_is_kept_out_of_a_stream_that_did_not_ask_for_it(self):
        chunks = list(self.ask("say a b", stream=True))
        self.assertTrue(all(chunk.choices for chunk in chunks))
        self.assertTrue(self.upstream.asked[0]["stream_options"]["include_usage"])

    def test_calls_of_tools_pass_through(self):
        tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
        completion = self.ask("tools", tools=tools)
        self.assertEqual(completion.choices[0].message.tool_calls[0].function.name, "weather")
        self.assertEqual(completion.choices[0].finish_reason, "tool_calls")
        self.assertEqual(self.upstream.asked[0]["tools"], tools)
        calls = [call for chunk in self.ask("tools", tools=tools, stream=True)
                 for call in (chunk.choices[0].delta.tool_calls or [])]
        self.assertEqual(calls[0].index, 0)
        self.assertEqual(calls[0].function.arguments, "{\"city\": \"Bonn\"}")

    def test_a_stream_that_breaks_off_is_an_error_and_never_a_short_answer(self):
        seen = []
        with self.assertRaises(openai.APIError):
            for chunk in self.ask("cut 2 words", stream=True):
                seen.append(chunk)
        self.assertEqual(len(seen), 2)

    def test_errors_are_those_the_client_knows(self):
        with self.assertRaises(openai.NotFoundError) as missing:
            self.client.chat.completions.create(model="nobody", messages=[{"role": "user", "content": "x"}])
        self.assertEqual(missing.exception.code, "model_not_found")
        self.assertEqual(missing.exception.param, "model")
        with self.assertRaises(openai.BadRequestError) as empty:
            self.client.chat.completions.create(model="helper", messages=[])
        self.assertEqual(empty.exception.param, "messages")
        with self.assertRaises(openai.BadRequestError):
            self.client.chat.completions.create(model="embedder", messages=[{"role": "user", "content": "x"}])
        with self.assertRaises(openai.AuthenticationError):
            openai.OpenAI(base_url=self.server.url + "/v1", api_key="sy_wrong").models.list()
        with self.assertRaises(openai.PermissionDeniedError):
            openai.OpenAI(base_url=self.server.url + "/v1", api_key=self.server.keys["vera"],
                          max_retries=0).chat.completions.create(model="helper", messages=[{"role": "user", "content": "x"}])
        with self.assertRaises(openai.RateLimitError):
            self.ask("fail 429")
        with self.assertRaises(openai.InternalServerError) as broken:
            self.ask("fail 500")
        self.assertEqual(broken.exception.response.headers["x-should-retry"], "false")
        self.assertTrue(broken.exception.response.headers["x-request-id"])
        with self.assertRaises(openai.InternalServerError) as late:
            self.ask("hang 5")
        self.assertEqual(late.exception.response.status_code, 504)

    def test_who_leaves_ends_the_call(self):
        self.upstream.cut_off.clear()
        stream = self.ask("slow " + "word " * 50, stream=True)
        next(iter(stream))
        stream.close()
        self.assertTrue(self.upstream.cut_off.wait(10), "the server went on talking to nobody")

    def test_embeddings_come_as_numbers_and_as_the_client_packs_them(self):
        packed = self.client.embeddings.create(model="embedder", input=["one", "two"])
        plain = self.client.embeddings.create(model="embedder", input=["one", "two"], encoding_format="float")
        self.assertEqual(self.upstream.asked[0]["encoding_format"], "float")
        for a, b in zip(packed.data, plain.data):
            numpy.testing.assert_allclose(a.embedding, b.embedding, rtol=1e-6)
        tokens = self.client.embeddings.create(model="embedder", input=[[1, 2], [3]])
        self.assertEqual(len(tokens.data), 2)
        self.assertEqual(tokens.usage.prompt_tokens, 2)

    def test_models_are_listed(self):
        names = {model.id for model in self.client.models.list()}
        self.assertLessEqual({"helper", "embedder"}, names)
        self.assertEqual(self.client.models.retrieve("helper").id, "helper")

    def test_langchain_works_unchanged(self):
        chat = ChatOpenAI(base_url=self.server.url + "/v1", api_key=self.server.keys["dora"], model="helper", max_retries=0)
        self.assertEqual(chat.invoke("say yes").content, "yes")
        self.assertEqual("".join(part.content for part in chat.stream("say yes indeed")).split(), ["yes", "indeed"])
        vectors = OpenAIEmbeddings(base_url=self.server.url + "/v1", api_key=self.server.keys["dora"], model="embedder",
                                   check_embedding_ctx_length=False).embed_documents(["a", "b"])
        self.assertEqual([len(vector) for vector in vectors], [8, 8])

    def test_a_step_of_a_pipeline_asks_the_same_model(self):
        answer = harness.send(self.server, "POST", "/api/v1/decisions",
                              {"pipeline": "test/ask", "input": {"question": "say so"}, "wait": "20s"})
        self.assertEqual(answer.status, 200, answer.text)
        self.assertEqual(answer["output"], {"text": "so", "tokens": 3})

    def test_a_new_version_of_a_backend_serves_the_models_there_are(self):
        other = Upstream("other")
        self.addCleanup(other.stop)
        moved = {"there.backend.yaml": DOCUMENTS["there.backend.yaml"].replace("1.0.0", "1.1.0")}
        self.deploy(moved, url=other.url)
        self.assertEqual(self.ask("say moved").choices[0].message.content, "moved")
        self.assertEqual(len(other.asked), 1)
        back = {"there.backend.yaml": DOCUMENTS["there.backend.yaml"].replace("1.0.0", "1.2.0")}
        self.deploy(back)

    def test_a_backend_without_its_secret_is_refused_by_name(self):
        text = DOCUMENTS["there.backend.yaml"].replace("there@1.0.0", "vendor@1.0.0")
        answer = self.deploy({"v.backend.yaml": text + "auth: {{ bearer: {{ env: NO_SUCH_VARIABLE }} }}\n"}, status=422)
        self.assertIn("NO_SUCH_VARIABLE", answer.text)

    def test_wrong_documents_tell_the_mend(self):
        answer = self.deploy({"m.model.yaml": "model: m@1.0.0\nbackend: ther\nkind: chat\n"}, status=422)
        self.assertIn("did you mean 'there'?", answer.text)
        answer = self.deploy({"m.model.yaml": "model: m@1.0.0\nbackend: there\nkind: tensors\ninput: {{ tensors: {{ x: {{ fields: [a] }} }} }}\n"
                              "output: {{ y: x }}\n"}, status=422)
        self.assertIn("chat or embeddings", answer.text)
        answer = self.deploy({"p.pipeline.yaml": "pipeline: calls/helper@9.0.0\ninput: {{}}\nsteps: {{ a: {{ set: {{ x: 1 }} }} }}\noutput: a\n"}, status=422)
        self.assertIn("governance.reserved_name", answer.text)


if __name__ == "__main__":
    harness.main()
