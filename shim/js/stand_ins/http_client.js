// Nobody makes HTTP clients of their own: each request goes the one way out.
(function () {
class HttpClient {}
return { HttpClientPrototype: HttpClient.prototype };
})();
