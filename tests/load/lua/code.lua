-- AUTHORIZE COOKIE TOKEN BODY AUTHORIZATION: an authorization request of somebody who is signed in,
-- then the exchange of its code; BODY ends with "code=".
function init(args)
  local authorize = wrk.format("GET", args[1], { ["Cookie"] = args[2] })
  local path, start, authorization = args[3], args[4], args[5]
  local codes = {}
  request = function()
    local code = table.remove(codes)
    return code and form(path, start .. code, authorization) or authorize
  end
  response = function(status, headers, _)
    if status == 303 or status == 302 then
      local to = headers["location"] or headers["Location"] or ""
      codes[#codes + 1] = to:match("[?&]code=([^&]+)")
    end
  end
end
