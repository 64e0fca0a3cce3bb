-- Calls with the body of a file, another name in it each time; the last line told is what was measured.
-- wrk -s load.lua URL -- FILE PLACE NAME DIFFERENT EXPECTED LESS PAUSE: every PLACE in FILE becomes NAME and a number, which begins
-- again after DIFFERENT calls; an answer without EXPECTED in it is wrong, and one with LESS in it is counted. PAUSE: milliseconds
-- between an answer and the same caller's next call, on average.
local callers = {}

function setup(caller)
  table.insert(callers, caller)
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local body, place = file:read("*a"), args[2]
  file:close()
  pieces, number, wrong, fewer = {}, 0, 0, 0
  name, different, expected, less, pause = args[3], tonumber(args[4]), args[5], args[6], tonumber(args[7])
  local from, at, past = 1, body:find(place, 1, true)
  while at do
    table.insert(pieces, body:sub(from, at - 1))
    from = past + 1
    at, past = body:find(place, from, true)
  end
  table.insert(pieces, body:sub(from))
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  number = number % different + 1
  return wrk.format(nil, nil, nil, table.concat(pieces, name .. number))
end

function delay()
  return math.random(0, 2 * pause) -- people do not call in step
end

function response(status, _, body)
  if status ~= 200 or not body:find(expected, 1, true) then
    wrong = wrong + 1
  elseif less ~= "" and body:find(less, 1, true) then
    fewer = fewer + 1
  end
end

function done(summary, latency, _)
  local errors, wrongly, shorter = summary.errors, 0, 0
  for _, caller in ipairs(callers) do
    wrongly = wrongly + caller:get("wrong")
    shorter = shorter + caller:get("fewer")
  end
  local lost = errors.connect + errors.read + errors.write + errors.timeout
  local told = '\n{"calls": %d, "wrong": %d, "shorter": %d, "median": %.3f, "p95": %.3f, "longest": %.3f, "seconds": %.3f}\n'
  local half, nearly = latency:percentile(50) / 1000, latency:percentile(95) / 1000
  local longest, seconds = latency.max / 1000, summary.duration / 1e6
  io.write(told:format(summary.requests, wrongly + lost, shorter, half, nearly, longest, seconds))
end
