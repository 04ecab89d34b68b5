-- COUNT PATH BODY: tenants of which the n-th is asked in proportion to 1/n; PATH has "%d".
function init(args)
  local count, path, body = tonumber(args[1]), args[2], args[3]
  local sums, sum = {}, 0
  for n = 1, count do
    sum = sum + 1 / n
    sums[n] = sum
  end
  math.randomseed(7)
  request = function()
    local wanted, low, high = math.random() * sum, 1, count
    while low < high do
      local middle = math.floor((low + high) / 2)
      if sums[middle] < wanted then low = middle + 1 else high = middle end
    end
    return form(string.format(path, low - 1), body)
  end
end
