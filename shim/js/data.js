// Answers from `data:` URLs.
(function () {
const { core } = __bootstrap;
const { op_lazaret_data_url } = core.ops;
const { fromInnerResponse, newInnerResponse } = core.loadExtScript(
  "ext:deno_fetch/23_response.js",
);
const { InnerBody } = core.loadExtScript("ext:deno_fetch/22_body.js");

function fetchData(url) {
  const { kind, bytes } = op_lazaret_data_url(url);
  const answer = newInnerResponse(200, "OK");
  answer.body = new InnerBody({ body: bytes, consumed: false });
  answer.headerList = [["content-type", kind]];
  answer.type = "basic";
  answer.urlList = [url];
  return fromInnerResponse(answer, "immutable");
}

return { fetchData };
})();
