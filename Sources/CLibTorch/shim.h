#pragma once
// libtorch is C++: only CTorch includes its headers, found through libtorch.pc.
