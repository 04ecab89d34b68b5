-- PATH AUTHORIZATION FILE: every refresh token of the file is exchanged again and again.
function init(args)
  local path, authorization = args[1], args[2]
  local tokens, first, last = {}, 1, 0
  local function add(token)
    last = last + 1
    tokens[last] = token
  end
  for _, token in ipairs(lines(args[3])) do add(token) end
  request = function()
    local token = tokens[first]
    tokens[first] = nil
    first = first + 1
    return form(path, "grant_type=refresh_token&refresh_token=" .. (token or "none"), authorization)
  end
  response = function(_, _, body)
    local token = body:match('"refresh_token":"([^"]+)"')
    if token then add(token) end
  end
end
