// An application's server that remembers the webhooks it was sent and can be told to fail.
import http from "node:http";

export class Receiver {
  events = [];
  status = 200;
  refused = 0;

  async start() {
    this.server = http.createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      if (this.status === 200) {
        this.events.push({ ...JSON.parse(body), headers: request.headers, raw: body });
      } else {
        this.refused += 1;
      }
      response.writeHead(this.status).end();
    });
    await new Promise((done) => this.server.listen(0, "127.0.0.1", done));
  }

  get url() {
    return `http://127.0.0.1:${this.server.address().port}/hook`;
  }

  of(room) {
    return this.events.filter((event) => event.room.room_id === room).map((event) => event.event);
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}
