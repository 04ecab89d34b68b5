-- What every run has: where it goes, and one line that says how it went.
function form(path, body, authorization)
  local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }
  headers["Authorization"] = authorization
  return wrk.format("POST", path, headers, body)
end

function lines(file)
  local list = {}
  for line in io.lines(file) do list[#list + 1] = line end
  return list
end

-- Set to milliseconds to run below the peak.
local pause = tonumber(os.getenv("LOAD_PAUSE") or "0")
if pause > 0 then
  function delay() return pause end
end

function done(summary, latency, _)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50),
    latency:percentile(95), latency:percentile(99)))
end
