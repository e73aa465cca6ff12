'use strict';

const http = require('node:http');
const greeting = require('greeting');

// Answers GET /NAME with a greeting.
function server() {
  return http.createServer((request, response) => {
    if (request.method !== 'GET') {
      response.writeHead(405).end();
      return;
    }
    const name = decodeURIComponent(new URL(request.url, 'http://localhost').pathname.slice(1));
    response.writeHead(200, { 'content-type': 'text/plain' }).end(greeting(name));
  });
}

module.exports = { server };
