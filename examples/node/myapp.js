// Stands in for your program: prints which variables it got, never their values, and exits cleanly on TERM.

const server = require("node:http").createServer((_request, response) => response.end("hello\n"));

process.on("SIGTERM", () => server.close(() => console.log("myapp: bye")));

server.listen(0, "127.0.0.1", () => {
  console.log(`myapp: pid ${process.pid}, uid ${process.getuid()}, with ${Object.keys(process.env).sort().join(" ")}`);
});
