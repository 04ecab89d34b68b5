-- COUNT PATH BODY: tenants of which the n-th is asked in proportion to 1/n; PATH has "%d". Everything
-- is drawn and written down beforehand, so that the generator costs what it costs for one tenant.
local DRAWN = 200000

function init(args)
  local count, path, body = tonumber(args[1]), args[2], args[3]
  local sums, sum, requests = {}, 0, {}
  for n = 1, count do
    sum = sum + 1 / n
    sums[n] = sum
    requests[n] = form(string.format(path, n - 1), body)
  end
  math.randomseed(7)
  local drawn, at = {}, 0
  for i = 1, DRAWN do
    local wanted, low, high = math.random() * sum, 1, count
    while low < high do
      local middle = math.floor((low + high) / 2)
      if sums[middle] < wanted then low = middle + 1 else high = middle end
    end
    drawn[i] = low
  end
  request = function()
    at = at % DRAWN + 1
    return requests[drawn[at]]
  end
end
