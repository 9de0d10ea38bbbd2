// SPDX-License-Identifier: Apache-2.0
#include "services/stt/openapi.h"

namespace jb::services {

std::string_view SttOpenApi() {
  return R"json({
  "openapi": "3.1.0",
  "info": {"title": "JB Calling stt", "version": "1", "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
  "paths": {
    "/health": {"get": {"summary": "State, backend and languages", "responses": {"200": {"description": "Healthy"}}}},
    "/readyz": {"get": {"summary": "Ready for requests", "responses": {"200": {"description": "Ready"}}}},
    "/metrics": {"get": {"summary": "Prometheus metrics", "responses": {"200": {"description": "Text format 0.0.4"}}}},
    "/openapi.json": {"get": {"summary": "This document", "responses": {"200": {"description": "OpenAPI 3.1"}}}},
    "/transcribe": {"post": {
      "summary": "A recording to text: multipart `file` or the raw body; wav, mp3, m4a, webm, ogg, flac; 25 MiB, 600 s",
      "parameters": [{"name": "lang", "in": "query", "schema": {"type": "string", "default": "en"}}],
      "requestBody": {"required": true, "content": {"multipart/form-data": {}, "audio/wav": {}, "application/octet-stream": {}}},
      "responses": {
        "200": {"description": "text, language, duration, segments"},
        "400": {"description": "Broken, or a language nobody recognises"},
        "408": {"description": "Not arrived within five minutes"},
        "413": {"description": "Over 25 MiB (too_large), over 600 s (too_long), or more than the decoder's time or memory (decode_limit)"}, "415": {"description": "Of another type"},
        "429": {"description": "Too many at once", "headers": {"Retry-After": {"schema": {"type": "integer"}}}}}}},
    "/transcribe/stream": {
      "parameters": [
        {"name": "lang", "in": "query", "schema": {"type": "string", "default": "en"}},
        {"name": "sample_rate", "in": "query", "schema": {"type": "integer", "minimum": 8000, "maximum": 48000, "default": 16000}},
        {"name": "endpoint_ms", "in": "query", "description": "Silence that ends a clause by itself; more where the sender flushes",
          "schema": {"type": "integer", "minimum": 100, "maximum": 5000}}],
      "get": {"summary": "WebSocket: binary s16le mono in, JSON text out; {\"type\":\"flush\"} ends a clause, {\"type\":\"end\"} the stream; one that sends faster than its sound is recognised is read more slowly",
        "responses": {"101": {"description": "Go on"}, "400": {"description": "A wrong parameter"}, "426": {"description": "No WebSocket handshake"}, "429": {"description": "Too many streams"}}},
      "post": {"summary": "The same with a chunked body; answers one JSON message a line, as they come",
        "requestBody": {"required": true, "content": {"application/octet-stream": {}}},
        "responses": {"200": {"description": "partial and final messages, then done"}, "400": {"description": "A wrong parameter"}, "429": {"description": "Too many streams"}}}},
    "/v1/audio/transcriptions": {"post": {
      "summary": "OpenAI's shape: file, language, response_format (json, text, srt, verbose_json, vtt), timestamp_granularities[] (word, segment; once each)",
      "requestBody": {"required": true, "content": {"multipart/form-data": {}}},
      "responses": {"200": {"description": "The transcript"}, "400": {"description": "OpenAI's error object"},
        "413": {"description": "Over 25 MiB or 600 s, or more than the decoder's time or memory"}, "415": {"description": "Of another type"}, "429": {"description": "Too many at once"}}}},
    "/v1/models": {"get": {"summary": "Model names OpenAI's clients ask for", "responses": {"200": {"description": "A list"}}}}
  }
})json";
}

}  // namespace jb::services
