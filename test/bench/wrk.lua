-- Prints the sums of a run as one line of JSON. With arguments after "--": asks for those paths in turn, read from a file.
local requests = {}
local following = 0

function init(arguments)
  if arguments[1] == nil then
    request = nil
    return
  end
  for path in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format(nil, path)
  end
end

function request()
  following = following % #requests + 1
  return requests[following]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nNESON {"requests":%d,"bytes":%.0f,"durationUs":%.0f,"badStatus":%d,"socketErrors":%d,"p50Us":%.0f,"p99Us":%.0f}\n',
    summary.requests, summary.bytes, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)
  ))
end
