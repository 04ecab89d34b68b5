-- PATH AUTHORIZATION POLICIES MODE: questions at random about four people and four documents for
-- each policy. MODE: stored, sent (with its entities), batch (a hundred about one person).
function init(args)
  local path, authorization, n, mode = args[1], args[2], tonumber(args[3]), args[4]
  math.randomseed(os.time())
  local headers = {
    ["Content-Type"] = "application/json", ["Authorization"] = authorization,
  }
  local function person() return math.random(0, 4 * n - 1) end
  -- Half of them are in a folder of one of the person's teams.
  local function document(p)
    if math.random() < 0.5 then return math.random(0, 4 * n - 1) end
    return p % n + n * math.random(0, 3)
  end
  local bodies = {
    stored = function()
      local p = person()
      return string.format('{"subject":{"type":"person","id":"%d"},"action":{"name":"read"},' ..
        '"resource":{"type":"document","id":"%d"}}', p, document(p))
    end,
    sent = function()
      local p = person()
      local d = document(p)
      return string.format('{"principal":{"type":"guest","id":"%d"},"action":"read",' ..
        '"resource":{"type":"note","id":"%d"},"entities":[' ..
        '{"type":"guest","id":"%d","attrs":{"level":3},"parents":[{"type":"team","id":"%d"}]},' ..
        '{"type":"note","id":"%d","attrs":{"level":%d},"parents":[{"type":"folder","id":"%d"}]}]}',
        p, d, p, p % n, d, d % 5, d % n)
    end,
    batch = function()
      local p, list = person(), {}
      for k = 1, 100 do
        list[k] = string.format('{"resource":{"type":"document","id":"%d"}}', document(p))
      end
      return string.format('{"subject":{"type":"person","id":"%d"},"action":{"name":"read"},' ..
        '"evaluations":[%s]}', p, table.concat(list, ","))
    end,
  }
  -- Made before they are sent, so that making them is not measured.
  local made, at, body = {}, 0, bodies[mode]
  for k = 1, mode == "batch" and 500 or 20000 do
    made[k] = wrk.format("POST", path, headers, body())
  end
  request = function()
    at = at % #made + 1
    return made[at]
  end
end
