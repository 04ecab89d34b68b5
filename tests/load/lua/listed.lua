-- FILE: each line is a path and a body; each is sent once, in order, then from the start.
function init(args)
  local list, n = lines(args[1]), 0
  request = function()
    n = n % #list + 1
    local path, body = list[n]:match("^(%S+) (.*)$")
    return form(path, body)
  end
end
