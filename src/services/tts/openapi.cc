// SPDX-License-Identifier: Apache-2.0
#include "services/tts/openapi.h"

namespace jb::services {

std::string_view TtsOpenApi() {
  return R"json({
  "openapi": "3.1.0",
  "info": {"title": "JB Calling tts", "version": "1", "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
  "paths": {
    "/health": {"get": {"summary": "State, backend and languages", "responses": {"200": {"description": "Healthy"}}}},
    "/readyz": {"get": {"summary": "Ready for requests", "responses": {"200": {"description": "Ready"}}}},
    "/metrics": {"get": {"summary": "Prometheus metrics", "responses": {"200": {"description": "Text format 0.0.4"}}}},
    "/openapi.json": {"get": {"summary": "This document", "responses": {"200": {"description": "OpenAPI 3.1"}}}},
    "/synthesize": {"post": {
      "summary": "Speak a text",
      "requestBody": {"$ref": "#/components/requestBodies/Text"},
      "responses": {"$ref": "#/components/x-audio"}}},
    "/synthesize/stream": {"post": {
      "summary": "The same in chunks, the first as soon as there is sound",
      "requestBody": {"$ref": "#/components/requestBodies/Text"},
      "responses": {"$ref": "#/components/x-audio"}}},
    "/v1/audio/speech": {"post": {
      "summary": "OpenAI's shape: input, voice, response_format (mp3, opus, aac, flac, wav, pcm of 24 kHz), speed; lang_code for the language",
      "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["input"]}}}},
      "responses": {"200": {"description": "Sound, chunked"}, "400": {"description": "OpenAI's error object"}, "429": {"description": "Busy"}}}},
    "/voices": {
      "get": {"summary": "The voices there are", "responses": {"200": {"description": "id, name, language, gender"}}},
      "post": {"summary": "Enrol a voice: multipart `file` (WAV) and `consent`", "responses": {
        "400": {"description": "No consent, no form, or a broken recording"}, "413": {"description": "Over 10 MiB"}, "415": {"description": "No WAV"},
        "501": {"description": "voice_cloning_unavailable: consent and recording are fine, but the engine that runs here cannot speak in an enrolled voice (espeak-ng never can). Nothing was stored; choose one of GET /voices. /health names the engine"}}}},
    "/v1/audio/voices": {"get": {"summary": "The same, where OpenAI's clients look", "responses": {"200": {"description": "voices"}}}},
    "/voices/{id}": {"delete": {
      "summary": "Forget an enrolled voice",
      "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
      "responses": {"403": {"description": "A voice of the backend"}, "404": {"description": "No such voice"}}}}
  },
  "components": {
    "requestBodies": {"Text": {"required": true, "content": {"application/json": {"schema": {
      "type": "object", "required": ["text", "lang"],
      "properties": {
        "text": {"type": "string", "maxLength": 16384},
        "lang": {"type": "string", "description": "BCP-47"},
        "voice": {"type": "string", "description": "A name of /voices, or any id: the same id always sounds the same"},
        "format": {"enum": ["wav", "pcm", "opus"], "default": "wav"},
        "sample_rate": {"type": "integer", "minimum": 8000, "maximum": 48000, "default": 24000},
        "speed": {"type": "number", "minimum": 0.25, "maximum": 4, "default": 1}}}}}}},
    "x-audio": {
      "200": {"description": "Mono sound", "content": {"audio/wav": {}, "audio/pcm": {}, "audio/ogg": {}}},
      "400": {"description": "What is wrong with the request"},
      "413": {"description": "The text is too long"},
      "429": {"description": "Too many at once", "headers": {"Retry-After": {"schema": {"type": "integer"}}}},
      "500": {"description": "The backend failed"}}
  }
})json";
}

}  // namespace jb::services
