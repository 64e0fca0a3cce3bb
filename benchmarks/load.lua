-- Calls with the body of a file, another name in it each time; the last line told is what was measured.
-- wrk -s load.lua URL -- FILE PLACE NAME DIFFERENT EXPECTED: every PLACE in FILE becomes NAME and a number, which begins again
-- after DIFFERENT calls; an answer without EXPECTED in it is wrong.
local callers = {}

function setup(caller)
  table.insert(callers, caller)
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local body, place = file:read("*a"), args[2]
  file:close()
  pieces, number, wrong = {}, 0, 0
  name, different, expected = args[3], tonumber(args[4]), args[5]
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

function response(status, _, body)
  if status ~= 200 or not body:find(expected, 1, true) then
    wrong = wrong + 1
  end
end

function done(summary, latency, _)
  local errors, wrongly = summary.errors, 0
  for _, caller in ipairs(callers) do
    wrongly = wrongly + caller:get("wrong")
  end
  local lost = errors.connect + errors.read + errors.write + errors.timeout
  local told = '\n{"calls": %d, "wrong": %d, "median": %.3f, "p95": %.3f, "seconds": %.3f}\n'
  local half, nearly = latency:percentile(50) / 1000, latency:percentile(95) / 1000
  io.write(told:format(summary.requests, wrongly + lost, half, nearly, summary.duration / 1e6))
end
