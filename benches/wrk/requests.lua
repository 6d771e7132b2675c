-- Sends the requests of a file in turn, and says at the end what came of it as one line of JSON.
--
--   wrk … -s requests.lua URL -- FILE
--
-- A line of the file is METHOD, path, the value of Authorization and the body, with tabs between them.
-- All requests are written out before the first is sent; a file of one line costs the load generator nothing
-- per request, since wrk then sends the same bytes without asking.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local requests = {}
  for line in io.lines(args[1]) do
    local method, path, authorization, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = { ["Host"] = wrk.headers["Host"], ["Authorization"] = authorization }
    if body ~= "" then
      headers["Content-Type"] = "application/x-www-form-urlencoded"
    else
      body = nil
    end
    requests[#requests + 1] = wrk.format(method, path, headers, body)
  end

  local count = #requests
  if count == 1 then
    request = nil
    wrk.format = function() return requests[1] end
    return
  end
  sent = 0
  request = function()
    sent = sent + 1
    return requests[(sent - 1) % count + 1]
  end
  -- Nothing is allocated from here on.
  collectgarbage()
  collectgarbage("stop")
end

function done(summary, latency)
  local sent = 0
  for _, thread in ipairs(threads) do
    sent = sent + (thread:get("sent") or 0)
  end
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"sent":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"max_us":%d,"not_2xx":%d,"socket_errors":%d}',
    summary.requests, sent, summary.duration / 1e6,
    latency:percentile(50), latency:percentile(99), latency.max,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
