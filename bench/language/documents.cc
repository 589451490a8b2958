#include "documents.h"

namespace switchyard::bench {

std::string many_steps(size_t steps, const std::string& version) {
  std::string text = "pipeline: bench/large@" + version + R"(
input:
  schema:
    type: object
    required: [amount, country, tags]
    properties: { amount: { type: number }, country: { type: string }, tags: { type: array, items: { type: string } } }
  key: input.country
deadline: 1h
steps:
)";
  std::string before = "input.amount";
  for (size_t done = 0, group = 0; done < steps; done += 5, ++group) {
    const std::string n = std::to_string(group);
    text += "  facts_" + n + ": { set: { amount: " + before + " + 1.5, large: input.amount > " + n +
            ".0 && input.country != 'DE', tags: \"input.tags.filter(t, t.startsWith('a')).size()\" } }\n";
    text += "  asked_" + n + ":\n    when: facts_" + n + ".large && facts_" + n + ".tags > 0\n" +
            "    http:\n      method: POST\n      url: \"'https://facts.example.org/" + n + "'\"\n" +
            "      body: { amount: facts_" + n + ".amount, country: input.country }\n" +
            "      effect: idempotent\n" +
            "      response: { type: object, required: [score], properties: { score: { type: number } } }\n" +
            "    timeout: 2s\n    retry: { attempts: 3, backoff: 50ms..1s }\n    on_error: skip\n";
    text += "  each_" + n + ":\n    for_each: input.tags\n    as: tag\n    concurrency: 4\n    steps:\n" +
            "      known: { set: { tag: tag, long: size(tag) > " + n + " } }\n    output: known.long\n";
    text += "  risk_" + n + ": { set: { score: \"asked_" + n + ".?body.score.orValue(0.5) * (facts_" + n +
            ".large ? 2.0 : 1.0)\", long: \"each_" + n + ".results.filter(l, l).size()\" } }\n";
    before = "risk_" + n + ".score";
  }
  return text + "output: { score: " + before + " }\n";
}

std::string chain(size_t steps) {
  std::string text = R"(pipeline: bench/chain@1.0.0
input: { schema: { type: object, required: [n], properties: { n: { type: integer } } } }
steps:
)";
  std::string before = "input";
  for (size_t i = 0; i < steps; ++i) {
    const std::string name = "s" + std::to_string(i);
    text += "  " + name + ": { set: { n: " + before + ".n + 1, even: " + before + ".n % 2 == 0 } }\n";
    before = name;
  }
  return text + "output: { n: " + before + ".n }\n";
}

std::string over_items(size_t concurrency, bool calls) {
  std::string text = R"(pipeline: bench/items@1.0.0
input: { schema: { type: object, required: [ns], properties: { ns: { type: array, items: { type: integer } } } } }
steps:
  each:
    for_each: input.ns
    concurrency: )" + std::to_string(concurrency) +
                     "\n    steps:\n      twice: { set: { n: item * 2 } }\n";
  if (calls)
    text +=
        "      told: { after: twice, http: { method: PUT, url: \"'https://items.example.org/'\", body: "
        "twice, effect: idempotent } }\n";
  return text + R"(    output: twice.n
output: { count: each.count, failures: size(each.failures), results: each.results }
)";
}

}  // namespace switchyard::bench
