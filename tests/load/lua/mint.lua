-- PATH BODY FILE: the access tokens that are answered go to the file.
function init(args)
  local text, out = form(args[1], args[2]), io.open(args[3], "w")
  request = function() return text end
  response = function(_, _, body)
    local token = body:match('"access_token":"([^"]+)"')
    if token then out:write(token, "\n") end
  end
end
